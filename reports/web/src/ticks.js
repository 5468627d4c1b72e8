// Where an axis has its ticks: round numbers, of a unit that the reader knows.
import { brief } from './format.js';

const steps = [
  1e-6, 1e-5, 1e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60,
  120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 172800, 432000, 864000, 8640000,
];

// For a value axis of seconds: steps of round seconds, minutes, hours or days, at most `most` of them.
export function timeAxis(times, most = 8) {
  const [from, to] = [times[0], times.at(-1)];
  const interval = steps.find((step) => (to - from) / step <= most) ?? to - from;
  const [unit, seconds] = [
    ['ms', 0.001],
    ['s', 1],
    ['min', 60],
    ['h', 3600],
    ['d', 86400],
  ].findLast(([, each]) => interval >= each) ?? ['ms', 0.001];
  return {
    type: 'value',
    min: from,
    max: to,
    interval,
    axisLabel: {
      formatter: (t) => `${brief(t / seconds)} ${unit}`,
      showMinLabel: from === 0,
      showMaxLabel: false,
    },
  };
}

// For a log axis from `low` to `high`: powers of ten, and what lies between if they are few.
export function logAxis(low, high) {
  const decades = Math.log10(high / low);
  const digits = decades > 2.2 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1)
    for (const digit of digits) ticks.push(Number(`${digit}e${power}`));
  const customValues = ticks.filter((tick) => tick >= low && tick <= high);
  return {
    type: 'log',
    min: low,
    max: high,
    axisTick: { customValues },
    splitLine: { show: false },
    axisLabel: { customValues, formatter: brief },
  };
}
