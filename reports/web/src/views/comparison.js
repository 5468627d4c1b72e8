// Several runs side by side: the table, one small chart per column, and where their memory went.
import { axis, chart, escaped, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { h, section } from '../dom.js';
import { brief, fixed, short } from '../format.js';
import { table } from '../table.js';
import { memoryOption, moments } from './memory.js';
import { pareto, title } from './pareto.js';

function bars(column, labels) {
  const best = column.best.findIndex((is) => is);
  return chart({
    title: title(column),
    height: 34 + 19 * labels.length,
    label: () =>
      labels.map((label, i) => `${label} ${fixed(column.values[i], column.decimals)}`).join('; '),
    option: (width) => ({
      grid: { left: Math.min(150, width * 0.42), right: 74, top: 2, bottom: 22 },
      tooltip: tooltip({
        formatter: (p) => `${escaped(p.name)}: ${fixed(p.value, column.decimals)}`,
      }),
      xAxis: axis({
        type: 'value',
        min: 0,
        max: 'dataMax',
        splitNumber: 3,
        axisLabel: { formatter: brief, showMaxLabel: false },
      }),
      yAxis: axis({
        type: 'category',
        inverse: true,
        data: labels,
        axisTick: { show: false },
        axisLabel: {
          width: Math.min(140, width * 0.4),
          overflow: 'truncate',
          interval: 0,
          hideOverlap: false,
          formatter: short,
        },
      }),
      series: [
        {
          type: 'bar',
          barMaxWidth: 13,
          label: {
            show: true,
            position: 'right',
            color: color('text'),
            formatter: (p) =>
              `${fixed(p.value, column.decimals)}${column.best[p.dataIndex] ? ' *' : ''}`,
          },
          data: column.values.map((value, i) => ({
            value,
            itemStyle: { color: color(best >= 0 && column.best[i] ? 'series-3' : 'series-1') },
          })),
        },
      ],
    }),
  });
}

const memories = (runs) =>
  runs
    .filter((run) => run.timeline)
    .map((run) =>
      chart({
        title: run.label,
        height: 150,
        label: () =>
          `Memory over time: ${fixed(100 * run.summary.kv.usage.mean, 1)} % held on average`,
        option: () => memoryOption(run.timeline, true),
      }),
    );

function columnsTable(columns, labels) {
  const view = table(
    'All runs, all columns; * is the best among those that lost the fewest requests',
    [
      { name: 'run', left: true, value: (i) => labels[i] },
      ...columns.map((column) => ({
        name: title(column),
        value: (i) => column.values[i],
        text: (i) => `${fixed(column.values[i], column.decimals)}${column.best[i] ? '*' : ''}`,
        path: (i) => `${i}.${column.name}`,
      })),
    ],
    labels.map((_, i) => i),
  );
  view.querySelectorAll('td').forEach((cell) => {
    if (cell.textContent.endsWith('*')) cell.classList.add('best');
  });
  return view;
}

export function comparison({ runs, columns }) {
  const labels = runs.map((run) => run.label);
  const differing = columns.filter((column) => new Set(column.values).size > 1);
  const same = columns.filter((column) => !differing.includes(column));
  const drawn = runs.length <= 24 ? memories(runs) : [];
  return section(
    'comparison',
    'Side by side',
    null,
    columnsTable(columns, labels),
    h('h3', {}, 'Column by column'),
    h(
      'div',
      { class: 'multiples' },
      differing.map((column) => bars(column, labels)),
    ),
    same.length
      ? h(
          'p',
          { class: 'muted' },
          `Equal in all runs: ${same.map((column) => column.sentence).join(', ')}.`,
        )
      : null,
    pareto(columns, labels),
    drawn.length
      ? [
          h('h3', {}, 'Memory over time'),
          h(
            'p',
            { class: 'muted' },
            'Blue: used; yellow: reserved; orange and purple: wasted; green: cached; grey: free.',
          ),
          h('div', { class: 'multiples' }, drawn),
          moments(runs.filter((run) => run.timeline)),
        ]
      : null,
  );
}
