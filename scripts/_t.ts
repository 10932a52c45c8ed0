import { readWeights, writeWeights } from '../src/io/index.ts';
for (const f of ['/tmp/big.pth', '/tmp/big-legacy.pth', '/tmp/big.safetensors']) {
  const t = performance.now(); let peak = 0;
  const timer = setInterval(() => { peak = Math.max(peak, process.memoryUsage().rss); }, 5);
  const s = await readWeights(f); clearInterval(timer);
  console.log(f, s.size, Math.round(performance.now() - t), 'ms', 'peak MB', Math.round(peak / 1e6), 'maxrss', Math.round(process.resourceUsage().maxRSS/1e3));
  if (f === '/tmp/big.pth') { const t2=performance.now(); await writeWeights('/tmp/big.safetensors', s, {}); console.log('write', Math.round(performance.now()-t2), 'maxrss', Math.round(process.resourceUsage().maxRSS/1e3)); }
}
