"use strict";
// Charts by uPlot, in the colours of the page; each has the same numbers in a table beside it.
var genezoo = globalThis.genezoo ?? {};
(() => {
  // A colour of the style sheet as a canvas can use it.
  function colour(name) {
    const probe = document.createElement("span");
    probe.className = `ink-${name}`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }
  const faded = (text, alpha) => text.replace(/^rgb\((.*)\)$/, `rgba($1, ${alpha})`);

  // Draws with `make(width, colours)`, again when the width or the colours of the page change.
  function keep(figure, make) {
    const place = figure.querySelector(".plot");
    let chart, width = 0;
    const draw = () => {
      chart?.destroy();
      const colours = Object.fromEntries(["ink", "muted", "line", "accent", "warm"].map((name) => [name, colour(name)]));
      chart = make(place, place.clientWidth, colours);
    };
    new ResizeObserver(() => {
      if (place.clientWidth === width) return;
      width = place.clientWidth;
      draw();
    }).observe(place);
    addEventListener("themechange", draw);
    return draw;
  }

  const axis = (colours, more) => ({
    stroke: colours.muted, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1 },
    font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif", ...more,
  });

  // Models from the highest score to the lowest, with their intervals as a band.
  genezoo.ranked = function (figure, data) {
    const places = data.scores.map((_, at) => at + 1);
    const orNull = (values) => values.map((value) => value ?? null);
    const caption = figure.querySelector("figcaption");
    const said = caption.textContent;
    keep(figure, (place, width, colours) => new uPlot({
      width, height: 220, legend: { show: false }, cursor: { y: false, points: { size: 9 } },
      padding: [12, 12, 0, 0],
      scales: { x: { time: false, range: [0.5, places.length + 0.5] }, y: { range: (_, low, high) => [low - 0.02, high + 0.02] } },
      axes: [
        axis(colours, { label: "place", labelSize: 20, size: 34, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100] }),
        axis(colours, { label: data.metric, labelSize: 20, size: 52, values: (_, ticks) => ticks.map((tick) => tick.toFixed(2)) }),
      ],
      series: [
        {},
        { stroke: faded(colours.accent, 0.25), width: 1, points: { show: false } },
        { stroke: faded(colours.accent, 0.25), width: 1, points: { show: false } },
        { stroke: colours.accent, width: 1.5, points: { show: places.length < 60, size: 7, fill: colours.accent } },
      ],
      bands: [{ series: [1, 2], fill: faded(colours.accent, 0.16) }],
      hooks: { setCursor: [({ cursor: { idx } }) => {
        caption.textContent = idx === null || idx === undefined ? said : `${idx + 1}. ${data.names[idx]}: ${genezoo.text(data.scores[idx])}`;
      }] },
    }, [places, orNull(data.high), orNull(data.low), data.scores], place));
  };
  genezoo.text = (value) => value.toFixed(3).replace("-", "−");

  // Each task as a dot: across, the score of the other model; up, that of this one.
  genezoo.duel = function (figure, board, mine) {
    const choose = figure.querySelector("select"), hover = figure.querySelector(".hover");
    figure.hidden = false;
    let points = [];
    const collect = () => {
      const rival = Number(choose.value);
      points = board.rows
        .map((row, at) => ({ row, x: board.mean[at * board.width + rival], y: board.mean[at * board.width + mine] }))
        .filter(({ x, y }) => !Number.isNaN(x) && !Number.isNaN(y))
        .sort((one, other) => one.x - other.x);
    };
    collect();
    const draw = keep(figure, (place, width, colours) => {
      const side = Math.min(width, 460);
      const all = points.flatMap(({ x, y }) => [x, y]);
      const low = Math.min(...all) - 0.03, high = Math.max(...all) + 0.03;
      const x = points.map((point) => point.x);
      return new uPlot({
        width: side, height: side, legend: { show: false }, padding: [12, 12, 0, 0],
        cursor: { points: { show: false }, drag: { x: false, y: false } },
        scales: { x: { time: false, range: [low, high] }, y: { range: [low, high] } },
        axes: [
          axis(colours, { label: choose.selectedOptions[0].textContent.slice(0, 40), labelSize: 22, size: 34 }),
          axis(colours, { label: "this model", labelSize: 22, size: 50 }),
        ],
        series: [
          {},
          { stroke: colours.accent, paths: () => null, points: { show: true, size: 7, stroke: colours.accent, fill: faded(colours.accent, 0.55) } },
        ],
        hooks: {
          // Under the dots: where both are equal.
          drawAxes: [(chart) => {
            const { ctx } = chart;
            ctx.save();
            ctx.strokeStyle = colours.warm;
            ctx.setLineDash([5, 4]);
            ctx.beginPath();
            ctx.moveTo(chart.valToPos(low, "x", true), chart.valToPos(low, "y", true));
            ctx.lineTo(chart.valToPos(high, "x", true), chart.valToPos(high, "y", true));
            ctx.stroke();
            ctx.restore();
          }],
          setCursor: [(chart) => {
            const { left, top } = chart.cursor;
            const near = points
              .map((point) => [Math.hypot(chart.valToPos(point.x, "x") - left, chart.valToPos(point.y, "y") - top), point])
              .reduce((best, one) => (one[0] < best[0] ? one : best), [25, null])[1];
            hover.textContent = near && left >= 0 ? `${near.row.name}: ${genezoo.text(near.y)} against ${genezoo.text(near.x)}` : "";
          }],
        },
      }, [x, points.map((point) => point.y)], place);
    });
    choose.addEventListener("input", () => { collect(); draw(); });
  };
})();
