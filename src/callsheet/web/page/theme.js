// Sets light or dark before the first paint, so that nobody who chose one sees a flash of the other.
// A classic script on purpose: a module would run after the first paint.
{
  const chosen = (() => {
    try {
      return localStorage.getItem("callsheet.theme");
    } catch {
      return null; // storage may be switched off
    }
  })();
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
