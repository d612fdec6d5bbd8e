// Applies the saved theme before the first paint, so that the page does not flash in the other one.
// A classic script: a module would run after the first paint.
{
  const saved = (() => {
    try {
      return localStorage.getItem("callsheet.theme");
    } catch {
      return null; // storage may be switched off
    }
  })();
  if (saved === "light" || saved === "dark") document.documentElement.dataset.theme = saved;
}
