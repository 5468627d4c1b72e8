// A page opened from the disk, watched: what it said, what it asked for, what it showed.
import assert from 'node:assert/strict';
import path from 'node:path';
import { chromium } from 'playwright-core';

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function browser() {
  const sandbox = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: [...flags, ...sandbox],
  });
}

// Opens `file` and waits until it is drawn. Whatever it says or asks for is an error.
export async function open(chrome, file, { scheme = 'light', width = 1280, height = 900 } = {}) {
  const context = await chrome.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  const url = `file://${path.resolve(file)}`;
  const trouble = [];
  page.on('console', (message) => trouble.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:'))
      trouble.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('html[data-ready]');
  const calm = () => assert.deepEqual(trouble, [], `${file} (${scheme}, ${width} wide)`);
  return { page, calm, close: () => context.close() };
}

// Milliseconds from the start of loading to the first paint of content.
export const firstPaint = (page) =>
  page.evaluate(async () => {
    for (;;) {
      const paint = performance.getEntriesByName('first-contentful-paint')[0];
      if (paint) return Math.round(paint.startTime);
      await new Promise((done) => {
        setTimeout(done, 20);
      });
    }
  });

// Scrolls through the page, so that every chart is drawn, and back.
export async function drawAll(page) {
  await page.evaluate(async () => {
    for (let y = 0; y < document.body.scrollHeight; y += 500) {
      window.scrollTo(0, y);
      await new Promise((done) => {
        setTimeout(done, 40);
      });
    }
    window.scrollTo(0, 0);
  });
  const blank = await page.evaluate(() =>
    [...document.querySelectorAll('figure')]
      .filter((figure) => {
        const canvas = figure.querySelector('canvas');
        if (!canvas) return true;
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const colours = new Set();
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3] > 0) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
        return colours.size < 3;
      })
      .map((figure) => figure.querySelector('figcaption').textContent),
  );
  assert.deepEqual(blank, [], 'every chart shows something');
}

// Every element that says which figure it shows, shows it. `slack`: what rounding may take.
export async function figuresEqual(page, valueOf, slack = 0) {
  const cells = await page.$$eval('[data-path]', (all) =>
    all.map((cell) => ({
      path: cell.dataset.path,
      value: Number(cell.dataset.value),
      text: cell.firstChild.textContent,
    })),
  );
  assert.ok(cells.length >= 20, `only ${cells.length} figures`);
  for (const { path: name, value, text } of cells) {
    assert.ok(
      Math.abs(value - valueOf(name)) <= slack,
      `${name}: ${value} is not ${valueOf(name)}`,
    );
    const shown = Number(text.replace(/[^0-9.-]/g, ''));
    const digits = (text.match(/\.(\d+)/)?.[1] ?? '').length;
    const scale = text.includes('%') ? 100 : / s$/.test(text) ? 0.001 : 1; // shares, and ms said in seconds
    const scaled = value * scale;
    assert.ok(
      Math.abs(shown - scaled) <= 0.5000001 * 10 ** -digits,
      `${name}: ${text} is not ${scaled}`,
    );
  }
  return cells.length;
}
