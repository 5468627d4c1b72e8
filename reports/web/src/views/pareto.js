// Any two columns of a comparison against each other, and who is not beaten in both.
import { axis, chart, escaped, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { choice, h } from '../dom.js';
import { brief, fixed, short } from '../format.js';
import { logAxis } from '../ticks.js';

export const title = (column) => `${column.sentence}${column.unit ? `, ${column.unit}` : ''}`;

// Who is not beaten in both columns at once, in order of x.
function frontier(x, y) {
  const runs = x.values.map((_, i) => i);
  const noWorse = (column, a, b) =>
    column.better === 'lower'
      ? column.values[a] <= column.values[b]
      : column.values[a] >= column.values[b];
  const beats = (a, b) =>
    noWorse(x, a, b) &&
    noWorse(y, a, b) &&
    (x.values[a] !== x.values[b] || y.values[a] !== y.values[b]);
  return runs
    .filter((i) => !runs.some((other) => beats(other, i)))
    .sort((a, b) => x.values[a] - x.values[b] || y.values[a] - y.values[b]);
}

// Logarithmic where the smallest would vanish beside the largest. `place` is where a value lies, 0 to 1.
function scaleOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const log = low > 0 && high > 20 * low;
  const on = (value) => (log ? Math.log(value) : value);
  return {
    place: (value) => (high > low ? (on(value) - on(low)) / (on(high) - on(low)) : 0.5),
    axis: axis(
      log
        ? logAxis(low * 0.8, high * 1.25)
        : { type: 'value', scale: true, axisLabel: { formatter: brief } },
    ),
  };
}

// Points that would hide each other's names share one name. Returns the name of each point, or ''.
function names(labels, order, place) {
  const groups = [];
  for (const i of order) {
    const [x, y] = place(i);
    const group = groups.find((each) => Math.abs(each.x - x) < 0.2 && Math.abs(each.y - y) < 0.05);
    if (group) group.members.push(i);
    else groups.push({ x, y, members: [i] });
  }
  const result = labels.map(() => '');
  for (const { members } of groups)
    result[members[0]] =
      short(labels[members[0]]) + (members.length > 1 ? ` and ${members.length - 1} more` : '');
  return result;
}

function option(x, y, labels) {
  const front = frontier(x, y);
  const [across, up] = [scaleOf(x.values), scaleOf(y.values)];
  const order = [...front, ...labels.map((_, i) => i).filter((i) => !front.includes(i))];
  const named = names(labels, order, (i) => [across.place(x.values[i]), up.place(y.values[i])]);
  const about = (column) => `${title(column)} (${column.better} is better)`;
  const point = (i) => ({
    name: labels[i],
    value: [x.values[i], y.values[i]],
    label: {
      show: named[i] !== '',
      formatter: named[i],
      position: across.place(x.values[i]) > 0.5 ? 'left' : 'right',
    },
    itemStyle: { color: color(front.includes(i) ? 'series-3' : 'series-1') },
  });
  const line = ({ name, value }) =>
    `${escaped(name)}<br>${escaped(title(x))}: ${fixed(value[0], x.decimals)}<br>` +
    `${escaped(title(y))}: ${fixed(value[1], y.decimals)}`;
  return {
    grid: { left: 78, right: 30, top: 20, bottom: 52 },
    tooltip: tooltip({ formatter: line }),
    xAxis: { ...across.axis, name: about(x), nameLocation: 'middle', nameGap: 28 },
    yAxis: { ...up.axis, name: about(y), nameLocation: 'middle', nameGap: 54 },
    series: [
      {
        type: 'line',
        silent: true,
        showSymbol: false,
        lineStyle: { color: color('series-3'), type: 'dashed', width: 1.2 },
        data: front.map((i) => [x.values[i], y.values[i]]),
      },
      {
        type: 'scatter',
        symbolSize: 12,
        label: { color: color('text'), fontSize: 12 },
        data: order.map(point).reverse(),
      },
    ],
  };
}

export function pareto(columns, labels) {
  const find = (name) => columns.find((column) => column.name === name);
  let x = find('output_tok_per_s') ?? columns[0];
  let y = find('ttft_p99_ms') ?? columns.at(-1);
  const said = h('p', { class: 'said', 'aria-live': 'polite' });
  const view = chart({
    title: 'Two aims at once',
    height: 400,
    label: () => said.textContent,
    option: () => option(x, y, labels),
  });
  const tell = () => {
    said.textContent = `Not beaten in both ${x.sentence} and ${y.sentence}: ${frontier(x, y)
      .map((i) => labels[i])
      .join(', ')}.`;
    view.refresh();
  };
  const all = columns.map((column) => [column.name, title(column)]);
  tell();
  return h(
    'div',
    { id: 'pareto' },
    h('h3', {}, 'Trade-offs'),
    h(
      'div',
      { class: 'controls' },
      choice('Across', all, x.name, (name) => {
        x = find(name);
        tell();
      }),
      choice('Up', all, y.name, (name) => {
        y = find(name);
        tell();
      }),
    ),
    view,
    said,
  );
}
