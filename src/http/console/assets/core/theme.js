// Light or dark: what the system prefers, unless the person chose.

const KEY = 'doorward-console-theme';

/** `light`, `dark`, or `system`. */
export const theme = () => localStorage.getItem(KEY) ?? 'system';

/** Applies a choice, and keeps it for the next visit. Without one, what was kept. */
export function chooseTheme(choice = theme()) {
  if (choice === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, choice);
  if (choice === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
}
