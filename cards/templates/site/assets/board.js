"use strict";
// The numbers of the board, and its means, intervals, ranks and groups over any part of it: the
// same arithmetic as in Python (cards/leaderboard.py, cards/standing.py).
var genezoo = globalThis.genezoo ?? {};
(() => {
  function unpack(text) {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float64Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
  }

  genezoo.load = function () {
    const data = globalThis.leaderboardData;
    const width = data.models.length;
    const values = unpack(data.values);
    const board = { ...data, width, ratio: unpack(data.ratio), coverage: unpack(data.coverage), starts: [] };
    board.mean = new Float64Array(data.rows.length * width).fill(NaN);
    let start = 0;
    data.rows.forEach((row, at) => {
      board.starts.push(start);
      for (let model = 0; model < width; model++) {
        let sum = 0, count = 0;
        for (let round = 0; round < row.rounds; round++) {
          const value = values[(start + round) * width + model];
          if (!Number.isNaN(value)) { sum += value; count++; }
        }
        if (count) board.mean[at * width + model] = sum / count;
      }
      start += row.rounds;
    });
    // One value a round of a model on a task, NaN where there is none.
    board.rounds = (at, model) => Array.from({ length: data.rows[at].rounds }, (_, round) => values[(board.starts[at] + round) * width + model]);
    return board;
  };

  const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

  // Round by round, the mean of several; none unless all have the same rounds.
  function joint(many) {
    if (!many.length || many.some((one) => one.length !== many[0].length)) return [];
    return many[0].map((_, at) => mean(many.map((one) => one[at])));
  }

  function interval(board, rounds, ratio, metric) {
    const values = rounds.filter((value) => !Number.isNaN(value));
    if (values.length < 2) return null;
    const centre = mean(values);
    const spread = values.reduce((sum, one) => sum + (one - centre) ** 2, 0) / (values.length - 1);
    const half = spread <= (1e-12 * Math.max(1, Math.abs(centre))) ** 2 ? 0
      : board.t[values.length - 2] * Math.sqrt((1 / values.length + ratio) * spread);
    const [low, high] = board.bounds[metric] ?? [-Infinity, metric === "r2" ? 1 : Infinity];
    return [Math.max(low, centre - half), Math.min(high, centre + half)];
  }

  function standing(board, models, rows) {
    if (models.length < 2 || !rows.length) return null;
    const ranks = new Map(models.map((model) => [model, 0]));
    for (const at of rows) {
      const scores = models.map((model) => board.mean[at * board.width + model]);
      models.forEach((model, one) => {
        const ahead = scores.filter((score) => score > scores[one]).length;
        const level = scores.filter((score) => score === scores[one]).length;
        ranks.set(model, ranks.get(model) + (ahead + (level + 1) / 2) / rows.length);
      });
    }
    const groups = new Map();
    if (rows.length > 1) {
      const count = models.length;
      const difference = board.q[count - 2] * Math.sqrt((count * (count + 1)) / (6 * rows.length));
      const order = [...models].sort((one, other) => ranks.get(one) - ranks.get(other));
      let end = 0, group = 0;
      order.forEach((model, start) => {
        const before = end;
        while (end < order.length && ranks.get(order[end]) - ranks.get(model) < difference) end++;
        if (end > before) {
          for (const member of order.slice(start, end)) groups.set(member, [groups.get(member)?.[0] ?? group, group]);
          group++;
        }
      });
    }
    return { ranks, groups };
  }

  // What is left of models and tasks. `taskOn` and `modelOn` say what is asked for; scores of less
  // than `least` coverage are left out (with room for what float32 loses).
  genezoo.reach = function (board, { taskOn, modelOn, least }) {
    const has = (at, model) => taskOn[at] && modelOn[model] && !Number.isNaN(board.mean[at * board.width + model])
      && (!least || board.coverage[at * board.width + model] >= least - 1e-6);
    const models = board.models.map((_, model) => model).filter((model) => board.rows.some((_, at) => has(at, model)));
    const rows = board.rows.map((_, at) => at).filter((at) => models.some((model) => has(at, model)));
    return { models, rows, has };
  };

  genezoo.aggregate = function (board, chosen) {
    const { models, rows, has } = genezoo.reach(board, chosen);
    const shown = new Set(rows);
    const families = board.families.map((family, place) => {
      const mine = rows.filter((at) => board.rows[at].family === place);
      const members = models.filter((model) => mine.some((at) => has(at, model)));
      const counted = mine.filter((at) => !shown.has(board.rows[at].whole) && members.every((model) => has(at, model)));
      const means = new Map();
      for (const model of counted.length ? members : []) {
        const rounds = joint(counted.map((at) => board.rounds(at, model)));
        const ratio = mean(counted.map((at) => board.ratio[at * board.width + model]));
        means.set(model, {
          mean: mean(counted.map((at) => board.mean[at * board.width + model])),
          interval: interval(board, rounds, ratio, family.metric),
          coverage: Math.min(...counted.map((at) => board.coverage[at * board.width + model])),
          rounds,
        });
      }
      return { metric: family.metric, rows: mine, counted, means, complete: means.size > 0 && members.length === models.length };
    });
    const metric = board.metrics.find((one) => families.some((family) => family.rows.length && family.metric === one));
    const ranked = families.filter((family) => family.complete && family.metric === metric);
    const rankedRows = ranked.flatMap((family) => family.counted);
    const stand = standing(board, models, rankedRows);
    const overall = new Map(ranked.length ? models.map((model) => {
      const rounds = joint(ranked.map((family) => family.means.get(model).rounds));
      const ratio = mean(rankedRows.map((at) => board.ratio[at * board.width + model]));
      const centre = mean(ranked.map((family) => family.means.get(model).mean));
      return [model, { mean: centre, interval: interval(board, rounds, ratio, metric) }];
    }) : []);
    const coverage = new Map(models.map((model) => {
      const shares = rows.filter((at) => has(at, model)).map((at) => board.coverage[at * board.width + model]);
      const known = shares.filter((share) => !Number.isNaN(share));
      return [model, { span: known.length ? [Math.min(...known), Math.max(...known)] : null, tasks: new Set(rows.filter((at) => has(at, model)).map((at) => board.rows[at].task)).size }];
    }));
    return { models, rows, families, metric, ranked, overall, standing: stand, coverage, has };
  };

  genezoo.number = (value) => {
    if (value === undefined || value === null || Number.isNaN(value)) return "–";
    const text = value.toFixed(3);
    return (text === "-0.000" ? "0.000" : text).replace("-", "−");
  };
  genezoo.span = (interval) => (interval ? interval.map(genezoo.number).join("–") : "");
  genezoo.percent = (share) => (Number.isNaN(share) ? "–" : `${Math.floor(share * 100 + 1e-6)}%`);
  const letter = (place) => (place >= 26 ? letter(Math.floor(place / 26) - 1) : "") + String.fromCharCode(97 + (place % 26));
  genezoo.letters = (group) => (group ? [...new Set(group)].map(letter).join("–") : "–");
})();
