// Bundles src/ into dist/report.html: one file, nothing loaded from anywhere. Same input, same bytes.
// With --check: says whether the committed file is what this source gives (exit 1 if not).
import { build } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const target = 'dist/report.html';

const bundled = await build({
  entryPoints: ['src/main.js', 'src/style.css'],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2020',
  charset: 'ascii',
  legalComments: 'none',
  outdir: 'dist',
  write: false,
});
const text = (suffix) => bundled.outputFiles.find((file) => file.path.endsWith(suffix)).text.trim();

// A function as the replacement: in a string, `$&` of minified code would be expanded.
const page = readFileSync('src/page.html', 'utf8')
  .replace('/* style */', () => text('.css'))
  .replace('/* script */', () => text('.js').replaceAll('</script', '<\\/script'));

if (process.argv.includes('--check')) {
  const same = readFileSync(target, 'utf8') === page;
  console.log(same ? `${target} is what src/ gives` : `${target} differs from src/: run build.sh`);
  process.exit(same ? 0 : 1);
}
mkdirSync('dist', { recursive: true });
writeFileSync(target, page);
console.log(`${target}: ${page.length} bytes`);
