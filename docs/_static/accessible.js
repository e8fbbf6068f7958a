// What the theme leaves out for those who use a keyboard or a screen reader.
const chinese = document.documentElement.lang.startsWith("zh");

function reachable() {
  for (const wide of document.querySelectorAll("pre, table, .formula, .output, .table-wrapper, .pst-scrollable-table-container")) {
    const scrolls = wide.scrollWidth > wide.clientWidth && getComputedStyle(wide).overflowX !== "visible";
    if (scrolls && !wide.hasAttribute("tabindex")) wide.tabIndex = 0;
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const toggle of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    toggle.setAttribute("aria-label", chinese ? "展开或收起" : "Expand or collapse");
  }
  // These have words of their own, hidden on narrow screens, which their labels contradict.
  for (const named of document.querySelectorAll("button.search-button-field")) {
    named.setAttribute("aria-label", named.textContent.trim().replace(/\s+/g, " "));
  }
  for (const named of document.querySelectorAll("summary[aria-label='Toggle hidden content']")) {
    named.removeAttribute("aria-label");
  }
  reachable();
});
addEventListener("resize", reachable);
