// A chart: ECharts behind a few lines that every chart of this page shares. Drawn when it comes
// near the screen, again when the theme or its data change, and described in words of our own.
import * as echarts from 'echarts/core';
import { CustomChart, HeatmapChart, LineChart, ScatterChart, BarChart } from 'echarts/charts';
import {
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapComponent,
} from 'echarts/components';
import { CanvasRenderer } from 'echarts/renderers';
import { h } from './dom.js';
import { color, onThemeChange } from './theme.js';

echarts.use([
  BarChart,
  CustomChart,
  HeatmapChart,
  LineChart,
  ScatterChart,
  DataZoomComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  TooltipComponent,
  VisualMapComponent,
  CanvasRenderer,
]);

const nearScreen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries)
      if (entry.isIntersecting) entry.target.dispatchEvent(new Event('near'));
  },
  { rootMargin: '300px' },
);

// `option(width)` makes ECharts' option; `label()` says in a sentence what it shows. `height` is
// pixels, or a function of the width. Returns a <figure> with refresh() and, once drawn, `chart`.
export function chart({ title, height = 260, option, label, onclick }) {
  const canvas = h('div', { class: 'canvas', role: 'img' });
  const figure = h('figure', {}, h('figcaption', {}, title), canvas);
  const tall = () => (typeof height === 'function' ? height(canvas.clientWidth) : height);
  const draw = () => {
    if (!figure.chart) return;
    canvas.style.height = `${tall()}px`;
    canvas.setAttribute('aria-label', `${title}. ${label()}`);
    figure.chart.resize();
    figure.chart.setOption({ ...common(), ...option(canvas.clientWidth) }, { notMerge: true });
  };
  canvas.style.height = `${typeof height === 'function' ? 300 : height}px`;
  canvas.setAttribute('aria-label', `${title}. ${label()}`);
  canvas.addEventListener('near', () => {
    if (figure.chart) return;
    nearScreen.unobserve(canvas);
    canvas.style.height = `${tall()}px`;
    figure.chart = echarts.init(canvas);
    if (onclick) figure.chart.on('click', onclick);
    draw();
    let width = canvas.clientWidth;
    new ResizeObserver(() => {
      if (canvas.clientWidth === width) return;
      width = canvas.clientWidth;
      draw();
    }).observe(canvas);
  });
  nearScreen.observe(canvas);
  onThemeChange(draw);
  figure.refresh = draw;
  return figure;
}

const common = () => ({
  animation: false,
  backgroundColor: 'transparent',
  textStyle: { color: color('text'), fontFamily: 'system-ui, sans-serif' },
  color: seriesColors(),
});

export const seriesColors = () => [1, 2, 3, 4, 5, 6, 7, 8].map((i) => color(`series-${i}`));

// An axis in the page's colours; `more` says what is special about it.
export function axis(more = {}) {
  return {
    axisLine: { lineStyle: { color: color('line') } },
    nameTextStyle: { color: color('muted') },
    ...more,
    axisTick: { lineStyle: { color: color('line') }, ...more.axisTick },
    splitLine: { lineStyle: { color: color('grid') }, ...more.splitLine },
    axisLabel: { color: color('muted'), hideOverlap: true, ...more.axisLabel },
  };
}

export const tooltip = (more = {}) => ({
  backgroundColor: color('panel'),
  borderColor: color('line'),
  textStyle: { color: color('text'), fontSize: 12 },
  confine: true,
  ...more,
});

export const legend = (more = {}) => ({
  textStyle: { color: color('text') },
  top: 0,
  icon: 'roundRect',
  ...more,
});

// A slider below a chart, to look at a part of its time.
export const timeZoom = (more = {}) => ({
  type: 'slider',
  height: 18,
  bottom: 8,
  showDetail: false,
  brushSelect: false,
  showDataShadow: false,
  borderColor: color('line'),
  fillerColor: `${color('accent')}22`,
  moveHandleSize: 0,
  handleStyle: { color: color('panel'), borderColor: color('muted') },
  ...more,
});

// ECharts' tooltips are HTML: what came from a trace's or a user's words is escaped.
export const escaped = (text) => echarts.format.encodeHTML(String(text));
