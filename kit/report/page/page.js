// Draws each plot where its still picture stands, when it comes near the screen. Without this the pictures stay.
const config = JSON.parse(document.getElementById("plot-config").textContent);
const drawn = new Map();
const MIN_WIDTH = 280;

function specOf(figure, width) {
  const spec = JSON.parse(document.getElementById(figure.dataset.plot + "-spec").textContent);
  spec.config = structuredClone(config);
  spec.width = width;
  spec.config.legend.columns = Math.max(1, Math.floor(width / 170));
  return spec;
}

const widthOf = (figure) => Math.max(MIN_WIDTH, Math.floor(figure.clientWidth));

async function draw(figure) {
  const width = widthOf(figure);
  const live = figure.querySelector(".live");
  live.hidden = false;
  try {
    const made = await vegaEmbed(live, specOf(figure, width), {
      mode: "vega-lite",
      ast: true,
      actions: false,
      renderer: "svg",
      defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    });
    drawn.get(figure)?.view.finalize();
    drawn.set(figure, { view: made.view, width });
    figure.querySelector(".still").hidden = true;
    live.setAttribute("role", "img");
    live.setAttribute("aria-label", figure.dataset.desc);
    figure.dataset.drawn = "yes";
  } catch (error) {
    live.hidden = true;
    figure.querySelector(".still").hidden = false;
    figure.dataset.drawn = "no";
    console.error("plot " + figure.dataset.plot + ": " + error.message);
  }
}

const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        near.unobserve(entry.target);
        draw(entry.target);
      }
    }
  },
  { rootMargin: "300px" },
);
for (const figure of document.querySelectorAll("figure[data-plot]")) near.observe(figure);

let waiting;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    for (const [figure, { width }] of drawn) if (Math.abs(widthOf(figure) - width) > 24) draw(figure);
  }, 200);
});
