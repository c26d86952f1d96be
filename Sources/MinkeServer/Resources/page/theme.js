// The color scheme: the system's unless one is chosen. No module, because those run after the first paint.
(() => {
  const schemes = ["auto", "light", "dark"];
  const names = { auto: "Auto", light: "Light", dark: "Dark" };

  function chosen() {
    try {
      const scheme = localStorage.getItem("minke-theme");
      return schemes.includes(scheme) ? scheme : "auto";
    } catch {
      return "auto"; // Storage may be forbidden.
    }
  }

  function choose(scheme) {
    document.documentElement.dataset.theme = scheme;
    const button = document.getElementById("theme");
    if (button) {
      button.textContent = names[scheme];
      button.setAttribute("aria-label", `Color scheme: ${names[scheme]}`);
    }
    // What is drawn on a canvas does not follow the style sheet by itself.
    window.dispatchEvent(new Event("minke-theme"));
  }

  choose(chosen());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => choose(chosen()));
  document.addEventListener("DOMContentLoaded", () => {
    choose(chosen());
    document.getElementById("theme").addEventListener("click", () => {
      const next = schemes[(schemes.indexOf(document.documentElement.dataset.theme) + 1) % schemes.length];
      try {
        localStorage.setItem("minke-theme", next);
      } catch {
        // Then it holds until the page is left.
      }
      choose(next);
    });
  });
})();
