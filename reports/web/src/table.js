// Real tables: every chart has one behind it, and every one can be copied as tab-separated text.
import { h } from './dom.js';

// `columns` are {name, text?, value?, left?}: text(row) is shown, value(row) is copied (default:
// row[name]). A `path` of a row is written to its cells as data-value, for whoever reads the page
// by program.
export function table(caption, columns, rows) {
  const value = (column, row) => (column.value ? column.value(row) : row[column.name]);
  const cell = (column, row, index) =>
    h(
      index === 0 ? 'th' : 'td',
      {
        scope: index === 0 ? 'row' : null,
        class: column.left ? 'left' : null,
        'data-path': column.path ? column.path(row) : null,
        'data-value': column.path ? value(column, row) : null,
      },
      column.text ? column.text(row) : String(value(column, row) ?? ''),
    );
  const element = h(
    'table',
    {},
    h('caption', { class: 'offscreen' }, caption),
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        columns.map((column) =>
          h('th', { scope: 'col', class: column.left ? 'left' : null }, column.name),
        ),
      ),
    ),
    h(
      'tbody',
      {},
      rows.map((row) =>
        h(
          'tr',
          {},
          columns.map((column, i) => cell(column, row, i)),
        ),
      ),
    ),
  );
  const tsv = () =>
    [
      columns.map((column) => column.name),
      ...rows.map((row) => columns.map((column) => value(column, row) ?? '')),
    ]
      .map((line) => line.join('\t'))
      .join('\n');
  return h(
    'div',
    { class: 'table' },
    h(
      'div',
      { class: 'table-head' },
      h('span', { 'aria-hidden': true }, caption),
      copyButton(caption, tsv),
    ),
    h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, element),
  );
}

// The same folded away, and made when it is opened: thousands of rows cost nothing before.
export function foldedTable(caption, columns, rowsOf) {
  const details = h('details', { class: 'behind' }, h('summary', {}, `Table: ${caption}`));
  details.addEventListener('toggle', () => {
    if (!details.open) return;
    details.querySelector('.table')?.remove();
    details.append(table(caption, columns, rowsOf()));
  });
  return details;
}

export function copyButton(what, textOf) {
  const button = h(
    'button',
    { type: 'button', class: 'copy', 'aria-label': `Copy ${what}` },
    'Copy',
  );
  button.addEventListener('click', async () => {
    const done = await copy(textOf());
    button.textContent = done ? 'Copied' : 'Not allowed';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 1500);
  });
  return button;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h('textarea', { class: 'offscreen' });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}
