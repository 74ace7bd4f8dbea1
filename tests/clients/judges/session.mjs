// Sets the stage on started servers and runs the judges. Started by run.mjs.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quickstart, ready } from '../server.mjs';
import { seed } from './cast.mjs';
import { startResourceServers } from './resource_server.mjs';

const clients = fileURLToPath(new URL('..', import.meta.url));
const { transport, only, errorStatus, servers } = JSON.parse(process.env.JUDGES);

const blank = servers.filter(({ bootstrap }) => bootstrap);
await Promise.all(blank.map(({ issuer }) => ready(`${issuer}health/ready`)));
const [server, hasty] = await Promise.all(servers.filter(({ bootstrap }) => !bootstrap).map(async ({ issuer, folder }) => {
  await ready(`${issuer}health/ready`);
  const { management } = await quickstart(folder);
  return { issuer, folder, management, ...await seed({ issuer, management }) };
}));
const audiences = server.apis.map(({ audience }) => audience);
const resourceServers = await startResourceServers(server.issuer, audiences);
const path = join(servers[0].folder, 'stage.json');
const json = JSON.stringify({ transport, errorStatus, server, hasty, blank, resourceServers: resourceServers.urls });
await writeFile(path, json, { mode: 0o600 });
const env = { ...process.env, JUDGES_STAGE: path };

async function run(command, args, cwd) {
  const child = spawn(command, args, { cwd, env, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) process.exitCode = 1;
}

const judges = readdirSync(join(clients, 'judges'))
  .filter((name) => name.endsWith('.judge.mjs') && name.includes(only));
if (judges.length > 0) {
  await run(process.execPath, ['--test', '--test-reporter=spec', ...judges], join(clients, 'judges'));
}

const python = join(clients, '.venv', 'bin', 'python');
const modules = readdirSync(join(clients, 'python'))
  .filter((name) => /^judge_.*\.py$/.test(name) && name.includes(only)).map((name) => name.slice(0, -3));
if (modules.length > 0 && existsSync(python)) {
  await run(python, ['-W', 'ignore::DeprecationWarning', '-m', 'unittest', '-v', ...modules], join(clients, 'python'));
} else if (modules.length > 0 && process.env.CI === 'true') {
  console.error('the Python judges are not installed: see tests/run');
  process.exitCode = 1;
} else if (modules.length > 0) {
  console.error('skipped the Python judges: they are not installed (tests/run does it)');
}
resourceServers.stop();
