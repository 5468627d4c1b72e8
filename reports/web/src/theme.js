// Light and dark: what the system prefers, until the reader chooses here. Colours live in style.css;
// charts ask for them by name and are drawn again when they change.

const root = document.documentElement;
const preferred = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set();
let chosen = false;

export const isDark = () => root.dataset.theme === 'dark';
export const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

export function onThemeChange(listener) {
  listeners.add(listener);
}

export function toggle() {
  chosen = true;
  set(!isDark());
}

function set(dark) {
  root.dataset.theme = dark ? 'dark' : 'light';
  listeners.forEach((listener) => listener());
}

set(preferred.matches);
preferred.addEventListener('change', () => {
  if (!chosen) set(preferred.matches);
});
