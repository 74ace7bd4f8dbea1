// The OpenAPI document of the Management API, judged by a validator that others wrote, and its
// schemas by the JSON Schema implementation that most tools use.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv2020 from 'ajv/dist/2020.js';
import { startDoorward } from './server.mjs';

let server;
let document;
before(async () => {
  server = await startDoorward();
  const answer = await fetch(`${server.issuer}api/v2/openapi.json`);
  assert.equal(answer.status, 200);
  document = await answer.json();
});
after(() => server?.stop());

function operations() {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })));
}

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const result = await validator.validate(structuredClone(document));
  assert.ok(result.valid, JSON.stringify(result.errors, null, 2));
  assert.equal(validator.version, '3.1');
});

/** Formats are named after what the server checks; a schema that is not understood is an error. */
function compile(schema) {
  const formats = new Set();
  JSON.stringify(schema, (key, value) => {
    if (key === 'format' && typeof value === 'string') formats.add(value);
    return value;
  });
  const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
  for (const format of formats) ajv.addFormat(format, true);
  return ajv.compile(schema);
}

test('every schema in it is valid JSON Schema', () => {
  let bodies = 0;
  for (const { name, operation } of operations()) {
    // JSON, but for a file that is uploaded.
    const body = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
    const parameters = (operation.parameters ?? []).map((parameter) => parameter.schema);
    for (const schema of [body, ...parameters].filter(Boolean)) {
      assert.doesNotThrow(() => compile(schema), name);
    }
    bodies += body ? 1 : 0;
  }
  assert.ok(bodies > 20, `${bodies} bodies`);
});

test('its schemas accept and refuse what the server does', () => {
  const schema = (path, method) =>
    document.paths[path][method].requestBody.content['application/json'].schema;
  const policies = [{ audience: 'https://api.example.com', scope: ['read:x'] }];
  const rotating = { rotation_type: 'rotating', expiration_type: 'expiring', policies };
  for (const [path, method, body, fits] of [
    ['/clients', 'post', { name: 'x', refresh_token: rotating }, true],
    ['/clients', 'post', { refresh_token: rotating }, false],
    ['/clients', 'post', { name: 'x', refresh_token: { ...rotating, leeway: 'abc' } }, false],
    ['/clients', 'post', { name: 'x', nope: 1 }, false],
    ['/clients/{id}', 'patch', { refresh_token: null }, true],
    ['/clients/{id}', 'patch', {}, false],
    ['/roles', 'post', { name: 'x'.repeat(256) }, false],
    ['/users/{id}/roles', 'post', { roles: [] }, false],
    ['/organizations', 'post', { name: 'Not Lower Case' }, false],
    ['/tenants/settings', 'patch', { flags: { enable_client_connections: true } }, true],
  ]) {
    const validate = compile(schema(path, method));
    const what = `${method} ${path} ${JSON.stringify(body)}: ${JSON.stringify(validate.errors)}`;
    assert.equal(validate(body), fits, what);
  }
});
