// The modules `url` and `querystring`.

import { URL, URLSearchParams } from './url.js';
import { offer } from './parts.js';

function stringify(members) {
  const params = new URLSearchParams();
  for (const name of Object.keys(members ?? {})) {
    for (const value of [members[name]].flat()) params.append(name, value ?? '');
  }
  return params.toString().replaceAll('+', '%20');
}

function parse(query) {
  const members = { __proto__: null };
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in members) members[name] = [members[name], value].flat();
    else members[name] = value;
  }
  return members;
}

/** The parts of an address as the module had them before there was URL. */
function parseUrl(address, withQuery = false) {
  const { href, protocol, host, hostname, port, pathname, search, hash, username, password } = new URL(address);
  const query = search.slice(1);
  return {
    protocol, slashes: true, auth: username ? `${username}${password && `:${password}`}` : null, host, port: port || null,
    hostname, hash: hash || null, search: search || null, query: withQuery ? parse(query) : query || null, pathname,
    path: pathname + search, href,
  };
}

function format(address) {
  if (address instanceof URL || typeof address === 'string') return new URL(address).href;
  const { protocol = 'https:', hostname, host, port, pathname = '', search, query, hash = '' } = address;
  const name = host ?? (port ? `${hostname}:${port}` : hostname);
  const written = search ?? (query && Object.keys(query).length ? `?${stringify(query)}` : '');
  return `${protocol}//${name}${pathname}${written}${hash ?? ''}`;
}

export const modules = {
  __proto__: null,
  url: {
    URL, URLSearchParams, parse: parseUrl, format, resolve: (from, to) => new URL(to, from).href,
    domainToASCII: (domain) => (URL.canParse(`http://${domain}`) ? new URL(`http://${domain}`).hostname : ''),
  },
  querystring: { parse, stringify, decode: parse, encode: stringify, escape: encodeURIComponent, unescape: decodeURIComponent },
};

offer('nodeurl', { modules });
