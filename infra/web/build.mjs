// Bundles the console into chalicelib/web/console: assets named by content hash, the page that loads them, and a
// manifest with the digest of the sources.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = join(HERE, "../../chalicelib/web/console");
// What a browser loads at first: the script and the words of one language.
const LARGEST_SCRIPT = 150 * 1024;

const LANGUAGES = ["en", "zh"];

const digest = (data) => createHash("sha256").update(data).digest("hex");

async function sources() {
  const found = ["build.mjs", "package.json", "package-lock.json", "tsconfig.json"].map((name) => join(HERE, name));
  for (const each of await readdir(join(HERE, "src"), { recursive: true, withFileTypes: true })) {
    if (each.isFile()) found.push(join(each.parentPath, each.name));
  }
  return found.map((path) => [relative(HERE, path).replaceAll("\\", "/"), path]).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function sourceDigest() {
  const lines = [];
  for (const [name, path] of await sources()) lines.push(`${name} ${digest(await readFile(path))}\n`);
  return digest(lines.join(""));
}

async function keep(assets, stem, extension, data) {
  const name = `${stem}.${digest(data).slice(0, 12)}.${extension}`;
  await writeFile(join(OUT, name), data);
  assets[`${stem}.${extension}`] = name;
}

const options = {
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox128", "safari17.5"],
  charset: "utf8",
  legalComments: "none",
  outdir: OUT,
  write: false,
};

async function bundle(assets, more) {
  const { outputFiles } = await build({ ...options, ...more });
  for (const file of outputFiles) {
    const [, stem, extension] = /([^/\\]+)\.(js|css)$/.exec(file.path);
    await keep(assets, stem, extension, Buffer.from(file.contents));
  }
}

await rm(OUT, { recursive: true, force: true });
await mkdir(OUT, { recursive: true });
const assets = {};
await bundle(assets, { entryPoints: LANGUAGES.map((each) => join(HERE, `src/lib/words-${each}.ts`)) });
await bundle(assets, {
  entryPoints: { app: join(HERE, "src/main.tsx"), style: join(HERE, "src/styles/index.css") },
  jsx: "automatic",
  jsxImportSource: "preact",
  // Each language's words are a file of its own, named by its content, so that nobody loads two languages.
  define: { WORDS: JSON.stringify(Object.fromEntries(LANGUAGES.map((each) => [each, `./${assets[`words-${each}.js`]}`]))) },
});
await keep(assets, "icon", "svg", await readFile(join(HERE, "src/icon.svg")));
const app = (await readFile(join(HERE, "src/manifest.json"), "utf8")).replace("{icon.svg}", assets["icon.svg"]);
await keep(assets, "app", "webmanifest", Buffer.from(app));
const page = (await readFile(join(HERE, "src/index.html"), "utf8")).replace(
  /{(\w+\.\w+)}/g,
  (_, name) => assets[name] ?? `{${name}}`,
);
await writeFile(join(OUT, "index.html"), page);
// A browser identifies a service worker by its URL, so the name has no hash.
const names = Object.values(assets);
const worker = (await readFile(join(HERE, "src/sw.js"), "utf8"))
  .replace("{shell}", digest([page, ...names].join("\n")).slice(0, 12))
  .replace("{files}", names.map((each) => `"console/${each}"`).join(", "))
  .replace(/{(\w+\.\w+)}/g, (_, name) => assets[name]);
await writeFile(join(OUT, "sw.js"), worker);
const manifest = { sources: await sourceDigest(), assets };
await writeFile(join(OUT, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

const gzipped = async (name) => gzipSync(await readFile(join(OUT, assets[name]))).length;
const words = await Promise.all(LANGUAGES.map((each) => gzipped(`words-${each}.js`)));
const script = (await gzipped("app.js")) + Math.max(...words);
const style = await gzipped("style.css");
console.log(`script ${(script / 1024).toFixed(1)} KB, style ${(style / 1024).toFixed(1)} KB, gzipped`);
if (script > LARGEST_SCRIPT) throw new Error(`The script is over ${LARGEST_SCRIPT / 1024} KB.`);
