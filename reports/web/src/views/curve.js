// Hit rate against cache size, a line per policy (kvsim curve).
import { axis, chart, legend, seriesColors, tooltip } from '../chart.js';
import { color } from '../theme.js';
import { h, section } from '../dom.js';
import { fixed, percent } from '../format.js';
import { table } from '../table.js';
import { logAxis } from '../ticks.js';

const share = (row) => (row.token_refs > 0 ? row.token_hits / row.token_refs : 0);

// Infinite caches (capacity null) have no place on the axis: they are a dashed line across it.
function panel(rule, rows) {
  const policies = [...new Set(rows.map((row) => row.policy))];
  const endless = rows.find((row) => row.capacity_blocks === null);
  const sized = rows.filter((row) => row.capacity_blocks !== null);
  const capacities = sized.map((row) => row.capacity_blocks);
  return chart({
    title: `rule ${rule}: prompt tokens hit, %`,
    height: 300,
    label: () =>
      policies
        .map((policy) => {
          const last = rows.filter((row) => row.policy === policy).at(-1);
          return `${policy}: ${percent(share(last))} with ${last.capacity_blocks === null ? 'all memory' : fixed(last.capacity_blocks) + ' blocks'}`;
        })
        .join('; '),
    option: () => ({
      legend: legend(),
      grid: { left: 48, right: 22, top: 56, bottom: 42 },
      tooltip: tooltip({ trigger: 'axis', valueFormatter: (x) => `${fixed(x, 2)} %` }),
      xAxis: {
        ...axis(logAxis(Math.min(...capacities), Math.max(...capacities) * 1.001)),
        name: 'blocks',
        nameLocation: 'middle',
        nameGap: 26,
      },
      yAxis: axis({
        type: 'value',
        min: 0,
        max: Math.min(100, Math.ceil(Math.max(...rows.map((row) => 105 * share(row))))),
        axisLabel: { formatter: '{value} %' },
      }),
      series: policies.map((policy, i) => ({
        type: 'line',
        name: policy,
        color: seriesColors()[i % 8],
        symbolSize: 5,
        lineStyle: { type: i < 8 ? 'solid' : 'dashed' },
        data: sized
          .filter((row) => row.policy === policy)
          .map((row) => [row.capacity_blocks, 100 * share(row)]),
        markLine:
          i > 0 || !endless
            ? undefined
            : {
                silent: true,
                symbol: 'none',
                data: [{ yAxis: 100 * share(endless) }],
                lineStyle: { color: color('muted'), type: 'dashed' },
                label: {
                  formatter: 'endless memory',
                  position: 'insideEndTop',
                  color: color('muted'),
                },
              },
      })),
    }),
  });
}

export function curve(rows) {
  if (!rows || rows.length === 0) return null;
  const rules = [...new Set(rows.map((row) => row.rule))];
  return section(
    'curve',
    'Hit rate against cache size',
    'Without step timing: every request looks its prompt up, then leaves it in the cache.',
    h(
      'div',
      { class: 'multiples wide' },
      rules
        .map((rule) => rows.filter((row) => row.rule === rule))
        .filter((of) => of.some((row) => row.capacity_blocks !== null))
        .map((of) => panel(of[0].rule, of)),
    ),
    table(
      'Hit rate against cache size',
      [
        { name: 'rule', left: true },
        { name: 'policy', left: true },
        {
          name: 'capacity_blocks',
          value: (row) => row.capacity_blocks ?? 'inf',
          text: (row) => (row.capacity_blocks === null ? 'inf' : fixed(row.capacity_blocks)),
        },
        {
          name: 'hit tokens',
          value: (row) => row.token_hits,
          text: (row) => fixed(row.token_hits),
        },
        { name: 'of', value: (row) => row.token_refs, text: (row) => fixed(row.token_refs) },
        { name: 'share', value: share, text: (row) => percent(share(row), 2) },
        { name: 'evictions', text: (row) => fixed(row.evictions) },
      ],
      rows,
    ),
  );
}
