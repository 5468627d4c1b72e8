// The page: one JSON payload in (reports/README.md says what it holds), sections out.
import { h } from './dom.js';
import { isDark, onThemeChange, toggle } from './theme.js';
import { blockMap } from './views/block_map.js';
import { comparison } from './views/comparison.js';
import { curve } from './views/curve.js';
import { figures } from './views/figures.js';
import { latency } from './views/latency.js';
import { load } from './views/load.js';
import { log } from './views/log.js';
import { memory } from './views/memory.js';
import { prefixCache } from './views/prefix_cache.js';
import { provenance } from './views/provenance.js';

const payload = JSON.parse(document.getElementById('payload').textContent);

function head() {
  const button = h('button', { type: 'button', id: 'theme', onclick: toggle });
  const name = () => {
    button.textContent = isDark() ? 'Light theme' : 'Dark theme';
  };
  name();
  onThemeChange(name);
  document.title = `kvsim: ${payload.title}`;
  document
    .getElementById('head')
    .append(
      h('div', { class: 'bar' }, h('span', { class: 'brand' }, 'kvsim report'), button),
      h('h1', {}, payload.title),
      h('p', { class: 'subtitle' }, payload.subtitle),
    );
}

// Sections that have nothing to show return null.
function sections() {
  const { runs } = payload;
  const views = [];
  if (runs.length === 1)
    views.push(
      ...[figures, (run) => latency([run]), memory, blockMap, prefixCache, load, log].map((view) =>
        view(runs[0]),
      ),
    );
  if (runs.length > 1) views.push(comparison(payload), latency(runs));
  views.push(curve(payload.curve));
  if (runs.length > 0) views.push(provenance(runs));
  return views.filter((view) => view !== null);
}

head();
const shown = sections();
document.getElementById('content').append(...shown);
document.getElementById('nav').append(
  h(
    'ul',
    {},
    shown.map((view) =>
      h('li', {}, h('a', { href: `#${view.id}` }, view.querySelector('h2').textContent)),
    ),
  ),
);
document.documentElement.dataset.ready = 'true';
