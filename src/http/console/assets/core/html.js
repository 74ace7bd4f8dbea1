// What renders the console: Preact, with htm for markup in template literals. Texts are always text
// nodes: nothing here makes markup of a string.

import { Fragment, createContext, h, render } from '../vendor/preact.js';
import {
  useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState,
} from '../vendor/hooks.js';
import htm from '../vendor/htm.js';

export const html = htm.bind(h);
export {
  Fragment, createContext, render, useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo,
  useRef, useState,
};
