const PATHS = {
  inbox: "M3 13h5l1.5 3h5L16 13h5M3 13l3-8h12l3 8v5a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z",
  queue: "M4 6h10M4 12h10M4 18h6M17 17l2 2 4-4",
  chat: "M21 12a8 8 0 0 1-8 8H4l2-3.2A8 8 0 1 1 21 12z",
  board: "M4 4h4v16H4zM10 4h4v10h-4zM16 4h4v13h-4z",
  contacts: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 20c.6-3.6 4-5 8-5s7.4 1.4 8 5",
  network:
    "M12 8a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM5 22a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM19 22a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 8v5M12 13l-6 3.500M12 13l6 3.5",
  operate:
    "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9 19.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
  archive: "M4 8v10a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8M3 4h18v4H3zM10 12h4",
  unarchive: "M4 8v10a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8M3 4h18v4H3zM12 17v-6M9.5 13.5 12 11l2.5 2.5",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
  mail: "M4 5h16a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM3.5 6.5 12 13l8.5-6.5",
  mailOpen: "M3.5 9.5 12 4l8.5 5.500V19a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1zM3.5 9.5 12 15l8.5-5.5",
  link: "M10 14a4 4 0 0 0 6 .500l3-3a4 4 0 0 0-5.7-5.700L12 7M14 10a4 4 0 0 0-6-.500l-3 3a4 4 0 0 0 5.7 5.700L12 17",
  external: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  check: "M5 12.5 10 17.5 19.5 7",
  close: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  back: "M15 5l-7 7 7 7",
  down: "M6 9.500l6 6 6-6",
  out: "M10 4H5a1 1 0 0 0-1 1v14a1 1 0 0 0 1 1h5M15 8l4 4-4 4M19 12H9",
  help: "M9.2 9a3 3 0 0 1 5.8 1c0 2-3 2.5-3 4.500M12 18v.010M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.400M17.6 17.6 19 19M5 19l1.4-1.400M17.6 6.4 19 5",
  moon: "M20 14.500A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.500z",
  system: "M4 5h16v11H4zM9 20h6M12 16v4",
  critical: "M12 3 2.5 20h19zM12 10v4M12 17v.01",
  warn: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 8v5M12 16v.01",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.01",
  success: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 12.5 11 15l4.5-5.5",
  send: "M4 12 20 4l-5 16-3.5-6.5z",
  agent:
    "M6 9h12a1 1 0 0 1 1 1v8a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-8a1 1 0 0 1 1-1zM12 9V5M12 4v.010M9.5 14v.010M14.5 14v.010M2.5 13v3M21.5 13v3",
  more: "M6 12v.010M12 12v.010M18 12v.01",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  refresh: "M20 11a8 8 0 1 0-2 6M20 5v6h-6",
  play: "M7 5v14l11-7z",
  pause: "M8 5v14M16 5v14",
  grip: "M9 6v.010M15 6v.010M9 12v.010M15 12v.010M9 18v.010M15 18v.01",
  key: "M15.5 14a5.500 5.500 0 1 0-5.200-3.700L3 17.600V21h3.400l.8-.8V18h2.200l1.300-1.300v-2.200h1.100l1-1c.8.3 1.700.5 2.700.5zM16.500 8v.010",
  passkey:
    "M9.500 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2.500 20c.5-3.600 3.300-5.500 7-5.500 1.200 0 2.300.2 3.200.6M18 14.500a3 3 0 1 0-2 0v5.500l1.200 1.200L19 19.500l-1-1 1-1-1-1z",
  document: "M9 4h6v3H9zM9 5.500H6v15h12v-15h-3M9 11.500h6M9 15.500h6",
  bell: "M6 16V11a6 6 0 1 1 12 0v5l2 2H4zM10 21h4",
};

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18, label }: { name: IconName; size?: number; label?: string }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      role={label ? "img" : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : "true"}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
