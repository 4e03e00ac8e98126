/** The looks of the bell. It follows the page's `color-scheme`. */
export const STYLE = `
:host {
  --ink: var(--herald-bell-ink, light-dark(#16191d, #e8ebef));
  --faint: var(--herald-bell-faint, light-dark(#59626e, #9aa5b4));
  --surface: var(--herald-bell-surface, light-dark(#ffffff, #1a1f27));
  --raised: var(--herald-bell-raised, light-dark(#eef1fb, #242b3a));
  --line: var(--herald-bell-line, light-dark(#d5dae1, #3c4553));
  --accent: var(--herald-bell-accent, light-dark(#3b5bdb, #91a7ff));
  --badge: var(--herald-bell-badge, light-dark(#c92a2a, #ffa8a8));
  --on-badge: var(--herald-bell-on-badge, light-dark(#ffffff, #16191d));
  --radius: var(--herald-bell-radius, 0.75rem);
  --width: min(var(--herald-bell-width, 24rem), 100% - 1rem);
  display: inline-block;
  text-align: start;
}
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
button, a {
  font: inherit;
  color: inherit;
  background: none;
  border: 0;
  border-radius: 0.5rem;
  text-align: inherit;
  text-decoration: none;
  cursor: pointer;
}
[aria-disabled="true"] { opacity: 0.65; cursor: default; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: -3px; }
[hidden] { display: none !important; }
[part="button"] {
  position: relative;
  display: grid;
  place-items: center;
  min-width: 2.75rem;
  min-height: 2.75rem;
}
svg {
  width: 1.5rem;
  height: 1.5rem;
  fill: none;
  stroke: currentColor;
  stroke-width: 2;
  stroke-linejoin: round;
  stroke-linecap: round;
}
[part="badge"] {
  position: absolute;
  inset-block-start: 0;
  inset-inline-start: 50%;
  min-width: 1.25rem;
  padding: 0 0.3rem;
  border: 1px solid var(--surface);
  border-radius: 0.7rem;
  background: var(--badge);
  color: var(--on-badge);
  font: 600 0.75rem / 1.25rem system-ui, sans-serif;
  text-align: center;
}
[part="panel"] {
  position: fixed;
  width: var(--width);
  margin: 0;
  padding: 0.5rem;
  overflow: auto;
  overscroll-behavior: contain;
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  color: var(--ink);
  box-shadow: 0 0.5rem 1.5rem rgb(0 0 0 / 0.25);
  overflow-wrap: anywhere;
  font: 0.9375rem / 1.4 system-ui, sans-serif;
}
[part="header"] {
  display: flex;
  flex-wrap: wrap;
  gap: 0.25rem 1rem;
  align-items: center;
  justify-content: space-between;
}
[part="title"] { margin: 0; padding: 0.25rem 0.5rem; font-size: 1.0625rem; }
[part="mark-all"], [part="more"] { min-height: 2.25rem; padding: 0.25rem 0.5rem; color: var(--accent); font-weight: 600; }
[part="more"] { width: 100%; text-align: center; }
[part="list"] { display: grid; gap: 0.25rem; margin: 0.25rem 0; padding: 0; list-style: none; }
[part~="item"] { display: flex; align-items: start; border-radius: 0.5rem; }
[part~="unread"] { background: var(--raised); }
[part="open"] { flex: 1; min-width: 0; display: grid; gap: 0.1rem; padding: 0.5rem; }
[part="open"]:hover, [part="mark"]:hover { background: color-mix(in srgb, var(--accent) 12%, transparent); }
[part~="unread"] [part="item-title"] { font-weight: 650; }
[part="item-text"], [part="time"], [part="empty"] { color: var(--faint); }
[part="time"] { font-size: 0.8125rem; }
[part="item-text"] { white-space: pre-line; }
[part="empty"], [part="failed"] { margin: 0; padding: 0.5rem; }
[part="failed"]:empty { display: none; }
[part="mark"] { display: grid; place-items: center; min-width: 2.5rem; min-height: 2.5rem; color: var(--accent); }
.dot { width: 0.75rem; height: 0.75rem; border: 2px solid; border-radius: 50%; }
[part~="unread"] .dot { border-width: 0.375rem; }
.said { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
