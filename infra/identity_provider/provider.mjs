// A provider of identities for demonstrations and tests: node provider.mjs <port> <redirect URI> <client secret>
//
// It takes every password, and the name that somebody enters is the first part of their address at example.com.
import Provider from "oidc-provider";

const [port, redirectUri, secret] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;

const provider = new Provider(issuer, {
  clients: [{ client_id: "fluxden", client_secret: secret, redirect_uris: [redirectUri] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["for demonstrations only"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@example.com`,
      email_verified: id !== "mallory",
      name: id.replace(/^./, (letter) => letter.toUpperCase()),
      groups: id === "alice" ? ["desk-admins"] : [],
    }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log(`ready ${issuer}`));

// Ends with the process that started it.
process.stdin.resume().on("end", () => process.exit());
