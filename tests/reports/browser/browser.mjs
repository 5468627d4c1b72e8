// The pages that run.sh made, in Debian's chromium: nothing is loaded, nothing complains, figures are
// those of summary.json, and what can be operated does something.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { browser, drawAll, figuresEqual, firstPaint, open } from './page.mjs';

const json = (file) => JSON.parse(readFileSync(file, 'utf8'));
const at = (object, dotted) => dotted.split('.').reduce((inner, key) => inner[key], object);
const label = (page, id) => page.getAttribute(`${id} .canvas`, 'aria-label');

async function sliderMovesTheMap(page) {
  const slider = page.locator('#map-time');
  const look = async () => ({
    said: await slider.getAttribute('aria-valuetext'),
    label: await label(page, '#map'),
    picture: (await page.locator('#map .canvas').first().screenshot()).toString('base64'),
  });
  await slider.focus();
  await page.keyboard.press('End');
  const last = await look();
  assert.notEqual(await page.locator('#tree-time').inputValue(), '0');
  await page.keyboard.press('Home');
  const first = await look();
  for (const what of Object.keys(last)) assert.notEqual(first[what], last[what], what);
  assert.equal(await page.locator('#tree-time').inputValue(), '0', 'both sliders move');
  await page.keyboard.press('End');
  await page.locator('#block').fill(await page.locator('#block').getAttribute('min'));
  assert.match(await page.locator('#map .said').innerText(), /^Block [\d,]+: /);
}

async function colouringChangesTheMap(page) {
  const map = page.locator('#map .canvas').first();
  const pictures = new Set();
  for (const side of ['spent', 'owner', 'age', 'users', 'hits']) {
    await page.getByLabel('Colour by').selectOption(side);
    pictures.add((await map.screenshot()).toString('base64'));
  }
  assert.equal(pictures.size, 5);
  await page.getByLabel('Colour by').selectOption('spent');
}

async function treeOpensAndCloses(page) {
  const items = page.locator('[role=treeitem]');
  const drawing = page.locator('#tree .canvas');
  const [count, before] = [await items.count(), await drawing.screenshot()];
  assert.ok(count > 3, 'branches are shown');
  await items.first().focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await items.count(), 1, 'the root is closed');
  await page.keyboard.press('ArrowRight');
  assert.equal(await items.count(), count, 'and open again');
  await page.keyboard.press('ArrowDown');
  assert.equal(
    await page.evaluate(() => document.activeElement.dataset.node !== '0'),
    true,
    'arrows walk',
  );
  const branch = page.locator('[role=treeitem][aria-expanded=true]').nth(1);
  await branch.locator('> span').click();
  assert.ok((await items.count()) < count, 'a click closes a branch');
  assert.notDeepEqual(await drawing.screenshot(), before, 'in the drawing too');
}

async function tablesAreThere(page) {
  for (const details of await page.locator('details.behind').all()) {
    await details.locator('summary').click();
    await details.locator('tbody tr').first().waitFor();
  }
  assert.equal(await page.locator('table').count(), await page.locator('button.copy').count());
  const first = page.locator('#latency .table').first();
  await first.locator('button.copy').click();
  await page.waitForFunction(
    () => document.querySelector('#latency .copy').textContent === 'Copied',
  );
  await page.evaluate(() =>
    document.querySelectorAll('details').forEach((each) => {
      each.open = false;
    }),
  );
}

async function themeToggles(page, scheme) {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await background();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), scheme);
  await page.locator('#theme').click();
  assert.notEqual(await background(), before);
  await page.locator('#theme').click();
}

const shot = (page, name) => page.screenshot({ path: `shots/${name}.png`, fullPage: true });

mkdirSync('shots', { recursive: true });
const chrome = await browser();
try {
  const summary = json('run/summary.json');
  for (const [scheme, width] of [
    ['light', 1280],
    ['dark', 1280],
    ['light', 420],
    ['dark', 420],
  ]) {
    const { page, calm, close } = await open(chrome, 'run/report.html', { scheme, width });
    const paint = await firstPaint(page);
    await drawAll(page);
    await shot(page, `run-${scheme}-${width}`);
    const count = await figuresEqual(page, (name) => at(summary, name));
    await themeToggles(page, scheme);
    if (width > 1000) {
      await sliderMovesTheMap(page);
      await colouringChangesTheMap(page);
      await treeOpensAndCloses(page);
      await tablesAreThere(page);
    }
    assert.equal(
      await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth),
      false,
      'nothing sticks out',
    );
    calm();
    console.log(
      `run/report.html ${scheme} ${width}: ${statSync('run/report.html').size} bytes, ` +
        `first paint ${paint} ms, ${count} figures equal`,
    );
    await close();
  }
  const { page: curves, calm, close: closeCurves } = await open(chrome, 'curve.html');
  await drawAll(curves);
  const { rows } = json('curve.json');
  const endless = rows.find((row) => row.policy === 'fifo' && row.capacity_blocks === null);
  const found = ((100 * endless.token_hits) / endless.token_refs).toFixed(1);
  assert.ok((await label(curves, '#curve')).includes(`fifo: ${found} % with all memory`));
  assert.equal(await curves.locator('#curve tbody tr').count(), rows.length);
  await shot(curves, 'curve-light-1280');
  calm();
  await closeCurves();
  const variants = json('compare.json').variants;
  for (const [file, scheme, width] of [
    ['compare', 'light', 1280],
    ['compare', 'dark', 1280],
    ['compare', 'light', 420],
    ['folders', 'light', 1280],
  ]) {
    const { page, calm, close } = await open(chrome, `${file}.html`, { scheme, width });
    await drawAll(page);
    await shot(page, `${file}-${scheme}-${width}`);
    if (file === 'compare')
      await figuresEqual(
        page,
        (name) => {
          const [index, column] = name.split('.');
          return columnOf(variants[index].summary, column);
        },
        2e-4,
      ); // a percentage of a share that has six decimals, or of three
    const before = await label(page, '#pareto');
    await page.getByLabel('Up', { exact: true }).selectOption('waste');
    assert.notEqual(await label(page, '#pareto'), before);
    calm();
    await close();
  }
} finally {
  await chrome.close();
}

// The columns of a comparison, from the summary of its run.
function columnOf(summary, name) {
  const { kv, throughput, prefix_cache: cache, batch, requests } = summary;
  return {
    utilization: 100 * kv.utilization.mean,
    waste: 100 * (kv.waste.reserved + kv.waste.internal + kv.waste.external),
    hit_rate: 100 * cache.hit_rate,
    ttft_p50_ms: summary.ttft_ms.p50,
    ttft_p99_ms: summary.ttft_ms.p99,
    tpot_p50_ms: summary.tpot_ms.p50,
    e2e_mean_ms: summary.e2e_ms.mean,
    request_per_s: throughput.request_per_s,
    output_tok_per_s: throughput.output_tok_per_s,
    preemptions: summary.preemptions,
    rejected: requests.rejected,
    max_running: batch.max_running,
  }[name];
}
