// What a page is asked in a browser: faults that a person would see. Each gives a list, empty where all is well.

// Pairs of words that lie over each other, in everything that is set by hand.
function wordsThatTouch() {
  const found = [], boxes = [];
  for (const root of document.querySelectorAll("#tracks, .figures, .legend, .bar")) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode, around = node.parentElement;
      if (!node.textContent.trim() || around.closest("svg.time")) continue;
      if (!around.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      for (const box of range.getClientRects()) boxes.push([node.textContent.trim(), box]);
    }
  }
  for (let i = 0; i < boxes.length; i++) {
    for (let j = i + 1; j < boxes.length; j++) {
      const [a, p] = boxes[i], [b, q] = boxes[j];
      const across = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const down = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (across > 1 && down > 2) found.push([a, b]);
    }
  }
  return found;
}

// Words that are cut off.
function clipped() {
  const words = "h1, h2, th, dd, dt, small, button, .gutter b, .gutter > span, .ticks i";
  return [...document.querySelectorAll(words)]
    .filter((one) => one.checkVisibility() && getComputedStyle(one).overflow !== "visible")
    .filter((one) => one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.textContent);
}

// Words under the contrast that WCAG 2.2 asks for, 4.5 to 1.
function faint() {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map((one) => {
      const part = one / 255;
      return part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
    });
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const paper = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!/, 0\)$|transparent/.test(colour) && !colour.startsWith("color")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = new Set();
  const words = "p, td, th, dt, dd, small, a, li, button, h1, h2, h3, .gutter b, .gutter span, .marks i";
  for (const one of document.querySelectorAll(words)) {
    if (!one.checkVisibility() || !one.textContent.trim()) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(paper(one))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.add(`${one.tagName}.${one.className}: ${ratio.toFixed(1)}`);
  }
  return [...found];
}

// What has the focus.
function focused() {
  const one = document.activeElement;
  return one.dataset.view || one.dataset.filter || one.id || one.className || one.tagName;
}
