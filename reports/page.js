"use strict";
/* The page's views, drawn from the embedded results. The address's fragment is the only state, so every view is a
 * link. Text of the results reaches the document as text nodes and attribute values only, never as markup. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const runs = data.runs, main = document.getElementById("main");

  /* ---- building elements ---- */

  function fill(node, attributes, children) {
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }
  const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const unique = (values) => [...new Set(values)];
  function grouped(values, key) {
    const groups = new Map();
    for (const value of values) {
      const name = key(value);
      if (groups.has(name)) groups.get(name).push(value); else groups.set(name, [value]);
    }
    return groups;
  }

  /* ---- words and marks ---- */

  const GLYPHS = { PASS: "✓", FAIL: "✗", UNRESOLVED: "?", UNSUPPORTED: "–", UNTESTED: "○", ABANDONED: "…" };
  const CLAIMS = { "contradicted": ["✗", "FAIL"], "does not hold here": ["✗", "FAIL"], "holds with conditions": ["◐", "UNTESTED"],
    "holds": ["✓", "PASS"], "not testable": ["–", "UNSUPPORTED"], "undecided here": ["?", "UNRESOLVED"] };
  const DOCUMENTS = { posix: "POSIX.1-2024", rfc: "RFC", linux: "Linux man-pages", notes: "The notes" };
  const SECTIONS = [
    ["surprise", "Surprises", "not what was expected of this implementation"],
    ["not counted", "Shown, not counted", "fail against documents that this implementation does not claim"],
    ["departure", "Expected departures", "recorded for this implementation, with a reason"],
    ["untested", "Untested", "this environment cannot decide them"],
    ["unsupported", "Unsupported", "the implementation does not have the optional feature"],
    ["passed", "Passed", ""]];
  const KINDS = ["unix-stream", "unix-dgram", "unix-seqpacket", "inet-stream", "inet-dgram", "inet-seqpacket",
    "inet6-stream", "inet6-dgram", "inet6-seqpacket"];

  const mark = (run) => {
    const glyph = GLYPHS[run.verdict];
    return { "surprise": glyph + "!", "departure": `(${glyph})`, "not counted": `[${glyph}]` }[run.outcome] || glyph;
  };
  const said = (run) => run.verdict + ({ "surprise": ", a surprise", "departure": ", expected", "not counted": ", not counted" }[run.outcome] || "");
  const styled = (run) => `mark ${run.verdict} ${run.outcome.replace(" ", "-")}`;
  const area = (requirement) => requirement.split(".")[0];
  const compare = (a, b) => a.localeCompare(b, "en", { numeric: true });

  for (const run of runs) {
    const requirement = data.requirements[run.requirement];
    run.section = run.outcome === "skipped" ? run.verdict.toLowerCase() : run.outcome;
    run.rank = SECTIONS.findIndex(([name]) => name === run.section) * 4 + ["FAIL", "UNRESOLVED", "PASS"].indexOf(run.verdict) + 1;
    run.roles = run.roles || [];
    run.words = [run.run, run.requirement, requirement.statement, run.message, ...run.roles.flatMap((role) => [role.site, role.message])]
      .join("\n").toLowerCase();
  }
  const byRequirement = grouped(runs, (run) => run.requirement);
  const kinds = unique(runs.map((run) => run.kind)).sort((a, b) =>
    (KINDS.indexOf(a) + 1 || 99) - (KINDS.indexOf(b) + 1 || 99) || compare(a, b));
  const documents = unique(Object.values(data.requirements).flatMap((requirement) => Object.keys(requirement.documents || {})));

  /* ---- the state ---- */

  let state = new URLSearchParams();
  const get = (name) => state.get(name) || "";
  const list = (name) => get(name).split(",").filter(Boolean);
  function address(changes) {
    const wanted = new URLSearchParams(state);
    for (const [name, value] of Object.entries(changes)) if (value) wanted.set(name, value); else wanted.delete(name);
    return "#" + wanted.toString().replace(/%2F/g, "/").replace(/%2C/g, ",");
  }
  const toggled = (name, value) =>
    (list(name).includes(value) ? list(name).filter((other) => other !== value) : [...list(name), value]).join(",");
  const detailOf = (run) => address({ run: run.run, repetition: run.repetition > 1 ? run.repetition : null });
  function replace(changes) { // a change that is no step to go back to
    history.replaceState(null, "", address(changes));
    draw();
  }

  function selected() {
    const words = get("q").toLowerCase().split(/\s+/).filter(Boolean), verdicts = list("verdict");
    const kind = get("kind"), stated = get("document");
    return runs.filter((run) => (!kind || run.kind === kind) && (!verdicts.length || verdicts.includes(run.verdict))
      && (!get("surprises") || run.surprise) && (!stated || stated in (data.requirements[run.requirement].documents || {}))
      && words.every((word) => run.words.includes(word)));
  }
  const filtered = () => ["q", "verdict", "kind", "document", "surprises"].some(get);

  /* ---- view: requirements ---- */

  const link = (run, text, others) => h("a", { class: styled(run), href: detailOf(run),
    title: `${run.run}: ${said(run)}${others || ""}`, "aria-label": `${run.run}: ${said(run)}${others || ""}` }, text || mark(run));

  function cell(here, shown) {
    if (!here) return h("td");
    const worst = here.reduce((a, b) => (b.rank < a.rank ? b : a));
    const like = here.filter((run) => run.verdict === worst.verdict).length;
    return h("td", { class: !here.some((run) => shown.has(run)) && "unmatched" },
      link(worst, null, here.length > 1 && ` in ${like} of ${here.length} repetitions`),
      here.length > 1 && like < here.length && h("small", {}, `${like}/${here.length}`));
  }

  /* What the runs of a requirement had to say, the same words once. */
  function remarks(told) {
    const words = (run) => (run.outcome === "departure" ? run.expected.reason
      : run.verdict === "PASS" ? `${run.expected.verdict} was expected: ${run.expected.reason}`
        : run.message || (run.roles.find((role) => role.message) || {}).message || "");
    return [...grouped(told.sort((a, b) => a.rank - b.rank), (run) => said(run) + "\0" + words(run)).values()].map((same) => {
      const links = unique(same.map((run) => run.run)).map((name) => same.find((run) => run.run === name));
      return h("div", { class: "remark" },
        h("span", { class: "who" }, h("b", { class: styled(same[0]) }, `${mark(same[0])} ${same[0].verdict}`), " ",
          links.map((run) => [h("a", { href: detailOf(run) }, run.kind), " "])),
        h("pre", {}, words(same[0]).split("\n").slice(0, 6).join("\n")));
    });
  }

  function requirementRows(name, shown, columns) {
    const cases = grouped(byRequirement.get(name), (run) => run.case), rows = [];
    const requirement = data.requirements[name];
    for (const [caseName, own] of cases) {
      const cells = grouped(own, (run) => run.kind);
      rows.push(h("tr", { class: rows.length ? "further" : "first" },
        h("th", { scope: "row" },
          !rows.length && [h("code", { class: "id" }, name), " ",
            requirement.strength !== "shall" && h("span", { class: "strength" }, requirement.strength || ""),
            h("span", { class: "statement" }, requirement.statement || "")],
          (cases.size > 1 || caseName !== name.replace(/\W/g, "_")) && h("code", { class: "case" }, caseName)),
        columns.map((kind) => cell(cells.get(kind), shown))));
      const told = own.filter((run) => shown.has(run) && (run.verdict !== "PASS" || run.surprise));
      if (told.length) rows.push(h("tr", { class: "remarks" }, h("td", { colspan: columns.length + 1 }, remarks(told))));
    }
    return rows;
  }

  function tableHead(columns, first) {
    const domains = grouped(columns, (kind) => kind.split("-")[0]);
    return h("thead", {},
      h("tr", {}, h("th", { rowspan: 2, scope: "col", class: "wide" }, first),
        [...domains].map(([domain, own]) => h("th", { colspan: own.length, scope: "colgroup" }, domain))),
      h("tr", {}, columns.map((kind) => h("th", { scope: "col", title: kind }, kind.split("-").slice(1).join("-").replace("seqpacket", "seqp.")))));
  }

  function requirementsView() {
    const matching = selected(), shown = new Set(matching);
    const requirements = [...grouped(matching, (run) => run.requirement)]
      .map(([name, own]) => ({ name, runs: own, worst: own.reduce((a, b) => (b.rank < a.rank ? b : a)) }));
    const columns = get("kind") ? [get("kind")] : kinds;
    const sections = SECTIONS.map(([id, title, meaning]) => {
      const inside = requirements.filter((requirement) => requirement.worst.section === id);
      if (!inside.length) return null;
      const open = list("open").includes(id) || (!list("shut").includes(id) && (id !== "passed" || (filtered() && inside.length <= 100)));
      const without = (name) => list(name).filter((other) => other !== id);
      const fold = open ? { open: without("open").join(), shut: [...without("shut"), id].join() }
        : { open: [...without("open"), id].join(), shut: without("shut").join() };
      const count = inside.reduce((sum, requirement) => sum + requirement.runs.filter((run) => run.section === id).length, 0);
      const areas = grouped(inside.sort((a, b) => compare(a.name, b.name)), (requirement) => area(requirement.name));
      const worst = (own) => Math.min(...own.map((requirement) => requirement.worst.rank));
      return [h("tbody", { class: `section ${id.replace(" ", "-")}` }, h("tr", {}, h("th", { colspan: columns.length + 1, scope: "colgroup" },
        h("button", { type: "button", id: "fold-" + id.replace(" ", "-"), "aria-expanded": String(open), onclick: () => replace(fold) },
          h("span", { "aria-hidden": "true" }, open ? "▾ " : "▸ "), title),
        h("span", { class: "meaning" }, `${plural(count, "run")}, ${plural(inside.length, "requirement")}${meaning && " · " + meaning}`)))),
      open && [...areas].sort((a, b) => worst(a[1]) - worst(b[1]) || compare(a[0], b[0])).map(([name, own]) => h("tbody", {},
        h("tr", { class: "area" }, h("th", { colspan: columns.length + 1, scope: "rowgroup" }, name)),
        own.sort((a, b) => a.worst.rank - b.worst.rank).map((requirement) => requirementRows(requirement.name, shown, columns))))];
    });
    return [
      h("p", { class: "tally" }, filtered() ? `${matching.length} of ${plural(runs.length, "run")}, ` : `${plural(runs.length, "run")}, `,
        plural(requirements.length, "requirement"), ". A requirement stands under the worst of its runs. ",
        h("span", { class: "legend" }, "✗! a surprise   (✗) expected   [✗] not counted")),
      requirements.length ? h("table", { class: "matrix" }, tableHead(columns, "Requirement"), sections)
        : h("p", { class: "nothing" }, runs.length ? "No run matches." : "There are no runs in these results.")];
  }

  /* ---- view: what the notes say ---- */

  function notesView() {
    const words = get("q").toLowerCase().split(/\s+/).filter(Boolean), wanted = list("claims");
    const claims = data.claims.filter((claim) => (!wanted.length || wanted.includes(claim.verdict))
      && words.every((word) => [claim.id, claim.claim, claim.reality, claim.verdict].join(" ").toLowerCase().includes(word)));
    const decided = (name) => {
      const cases = grouped(byRequirement.get(name), (run) => run.case);
      return [h("a", { href: address({ view: null, q: name, claims: null }) }, h("code", {}, name)), " ",
        [...cases].map(([caseName, own]) => h("span", { class: cases.size > 1 && "several" },
          cases.size > 1 && h("code", { class: "case" }, caseName),
          own.map((run) => [link(run, `${mark(run)} ${run.kind}`), " "])))];
    };
    const evidence = (title, names) => names && names.length > 0 && h("div", { class: "evidence" }, h("h4", {}, title),
      h("ul", {}, names.map((name) => h("li", {}, byRequirement.has(name) ? decided(name)
        : [h("code", {}, name), h("span", { class: "nothing" }, " no run here")]))));
    return [
      h("p", { class: "tally" }, claims.length < data.claims.length && `${claims.length} of `, plural(data.claims.length, "claim"),
        " of the notes, in our words, each with what the runs say of it on this implementation."),
      claims.length ? h("ol", { class: "claims" }, claims.map((claim) => {
        const [glyph, style] = CLAIMS[claim.verdict] || ["", ""];
        return h("li", { id: "claim-" + claim.id },
          h("p", { class: "where" }, h("code", {}, claim.id), h("br"), `line ${claim.line}`),
          h("div", {}, h("h3", {}, claim.claim), claim.reality && h("p", {}, claim.reality),
            evidence("Shown by", claim.supports), evidence("Limited by", claim.limits), evidence("Contradicted by", claim.contradicts)),
          h("p", { class: `mark ${style}` }, `${glyph} ${claim.verdict}`));
      })) : h("p", { class: "nothing" }, data.claims.length ? "No claim matches." : "These results say nothing of the notes.")];
  }

  /* ---- view: observed ---- */

  const shownValue = (value) => (typeof value === "string" ? value : JSON.stringify(value));

  function observedView() {
    const matching = selected().filter((run) => Object.keys(run.observed || {}).length);
    const columns = get("kind") ? [get("kind")] : kinds.filter((kind) => matching.some((run) => run.kind === kind));
    const areas = grouped(matching.sort((a, b) => compare(a.requirement, b.requirement)), (run) => area(run.requirement));
    return [
      h("p", { class: "tally" }, "What the documents leave open is observed, not judged. ", plural(matching.length, "run"), " observed something."),
      matching.length ? h("table", { class: "matrix observed" }, tableHead(columns, "Value"), [...areas].map(([name, own]) => h("tbody", {},
        h("tr", { class: "area" }, h("th", { colspan: columns.length + 1, scope: "rowgroup" }, name)),
        [...grouped(own, (run) => run.case)].map(([caseName, same]) => unique(same.flatMap((run) => Object.keys(run.observed))).map((value, place) =>
          h("tr", { class: place ? "further" : "first" },
            h("th", { scope: "row" }, !place && h("code", { class: "case" }, caseName), h("span", { class: "statement" }, value)),
            columns.map((kind) => {
              const told = same.filter((run) => run.kind === kind && value in run.observed);
              const values = unique(told.map((run) => shownValue(run.observed[value])));
              return h("td", {}, told.length > 0 && h("a", { href: detailOf(told[0]), title: told[0].run },
                values.slice(0, 3).join(", ") + (values.length > 3 ? `, … (${values.length} values)` : "")));
            }))))))) : h("p", { class: "nothing" }, "No value was observed.")];
  }

  /* ---- view: one run ---- */

  const isLink = (text) => /^https?:\/\/\S+$/.test(text || "");
  const source = (text) => (isLink(text) ? h("a", { href: text, rel: "noreferrer" }, text) : text);
  const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);

  function command(run) {
    const backend = data.backend.match(/^(library|overlay) (.*)$/), words = ["build/conformance"];
    if (backend) {
      const prefixed = backend[1] === "library" && backend[2].match(/^(.*) ([^/ ]+)$/);
      words.push("--" + backend[1], prefixed ? prefixed[1] : backend[2]);
      if (prefixed) words.push("--prefix", prefixed[2]);
    }
    return [...words, run.run].map(quoted).join(" ");
  }

  function duration(seconds) {
    if (seconds < 0.0009995) return `${Math.round(seconds * 1e6)} µs`;
    return seconds < 0.9995 ? `${(seconds * 1e3).toPrecision(3)} ms` : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  }
  const neverReturned = (call) => call.took === undefined;
  const failed = (call) => Boolean(call.errno);
  const outcomeOf = (call) => (neverReturned(call) ? "never returned" : `${call.result === undefined ? "" : call.result} ${call.errno || ""}`.trim());
  const actor = (call) => call.role + (call.thread ? ` thread ${call.thread}` : "");

  /* The call that the left-out calls come before. Of each role the program keeps its first calls and half as many of
   * its last, so it is found two thirds down the busier role's. */
  function afterGap(run) {
    if (!run.left_out) return null;
    const busiest = [...grouped(run.transcript, (call) => call.role).values()].reduce((a, b) => (b.length > a.length ? b : a), []);
    return busiest[Math.round(busiest.length * 2 / 3)];
  }

  function transcript(run) {
    const width = Math.max(0, ...run.transcript.map((call) => actor(call).length));
    const lines = run.transcript.map((call) => `${call.t.toFixed(6).padStart(10)}  ${actor(call).padEnd(width)}  ${call.call}`
      + (neverReturned(call) ? "  never returned" : `${outcomeOf(call) && " = " + outcomeOf(call)}  <${call.took.toFixed(6)}>`));
    if (run.left_out) lines.splice(run.transcript.indexOf(afterGap(run)), 0, `${" ".repeat(12)}… ${plural(run.left_out, "call")} left out …`);
    return lines.join("\n");
  }

  const backToAll = () => h("a", { href: address({ run: null, repetition: null }) }, "← All runs");

  function detailView(run) {
    const requirement = data.requirements[run.requirement], expected = run.expected;
    const row = (name, ...content) => [h("dt", {}, name), h("dd", {}, ...content)];
    const order = unique(selected().slice().sort((a, b) => a.rank - b.rank || compare(a.requirement, b.requirement))), place = order.indexOf(run);
    const beside = (offset, text) => {
      const other = place >= 0 && order[place + offset];
      return other ? h("a", { href: detailOf(other), rel: offset < 0 ? "prev" : "next", title: other.run }, text) : h("span", {}, text);
    };
    const repetitions = runs.filter((other) => other.run === run.run);
    const toldByRoles = run.roles.map((role) => `${role.role} ${role.verdict} at ${role.site}\n${role.message}`).join("\n");
    const more = (run.message || "").split("\n").some((line) => !toldByRoles.includes(line.trim()));
    const others = byRequirement.get(run.requirement).filter((other) => other !== run && (other.run !== run.run || other.verdict !== "PASS"));
    return [
      h("p", { class: "steps" }, backToAll(),
        h("span", {}, beside(-1, "‹ previous"), " ", place >= 0 && `${place + 1} of ${order.length}`, " ", beside(1, "next ›"))),
      h("h2", { tabindex: "-1" }, h("b", { class: styled(run) }, `${mark(run)} ${run.verdict}`), " ", h("code", {}, run.run),
        repetitions.length > 1 && h("small", {}, ` repetition ${run.repetition} of ${repetitions.length}`)),
      h("p", { class: "statement" }, requirement.statement || ""),
      h("dl", {},
        row("Requirement", h("code", {}, run.requirement), requirement.strength && [" ", h("span", { class: "strength" }, requirement.strength)]),
        Object.entries(requirement.documents || {}).map(([name, where]) => row(DOCUMENTS[name] || name, where)),
        expected && row("Expectation", h("b", {}, expected.verdict), ` ${expected.reason || ""} `,
          expected.source && h("span", { class: "source" }, "[", source(expected.source), "]")),
        run.surprise && row("Surprise", expected ? `${expected.verdict} was expected, the verdict is ${run.verdict}.`
          : "Nothing of this kind is expected of the implementation."),
        run.outcome === "not counted" && row("Not counted", "The implementation does not claim the documents that state this."),
        row("Reproduce", h("code", { class: "command" }, command(run)),
          h("span", { class: "source" }, ` ${run.file}:${run.line} · ${duration(run.seconds || 0)}${run.slow ? " · slow" : ""}`)),
        others.length > 0 && row("Its other runs", others.slice(0, 40).map((other) => [link(other,
          `${mark(other)} ${other.case === run.case ? other.kind : other.run}${other.repetition > 1 ? " #" + other.repetition : ""}`), " "]),
          others.length > 40 && `… and ${others.length - 40} more`)),
      (run.message || run.roles.some((role) => role.message || role.verdict !== "PASS")) && [h("h3", {}, "What happened"),
        more && h("pre", { class: "message" }, run.message),
        run.roles.map((role) => h("div", { class: "role" },
          h("b", { class: `mark ${role.verdict}` }, `${GLYPHS[role.verdict] || ""} ${role.verdict}`), " ",
          h("strong", {}, role.role), " ", role.site && h("code", {}, role.site), role.message && h("pre", { class: "message" }, role.message)))],
      Object.keys(run.observed || {}).length > 0 && [h("h3", {}, "Observed"),
        h("dl", { class: "values" }, Object.entries(run.observed).map(([name, value]) => row(name, h("code", {}, shownValue(value)))))],
      h("h3", {}, "Sequence"), run.transcript.length ? h("div", { class: "chart" }, chart(run)) : h("p", { class: "nothing" }, "No call was made."),
      run.transcript.length > 0 && [h("h3", {}, "Transcript"), h("pre", { class: "transcript", id: "transcript" }, transcript(run))]];
  }

  /* ---- the sequence chart ---- */

  const ROW = 22, CHAR = 7.25, GAP = 170, LONGEST = 66;
  const isReady = (call) => call.hand_over && /^ready\b/.test(call.call);
  const isAwait = (call) => call.hand_over && /^await_peer\b/.test(call.call);
  const seesPeer = (call) => call.hand_over && /^PEER_BLOCKS_IN\b/.test(call.call);
  const lane = (call) => `${call.role} ${call.thread || 0}`;
  const endOf = (call) => (neverReturned(call) ? Infinity : call.t + call.took);

  /* The rows, from top to bottom: a row a call; a call during which another role did something, or that took long,
   * has a second row where it returned, and a bar between them. */
  function chartRows(run) {
    const calls = run.transcript.map((call) => ({ ...call })), rows = [], gap = run.transcript.indexOf(afterGap(run));
    calls.forEach((call, place) => {
      const during = calls.some((other) => lane(other) !== lane(call) && other.t > call.t && other.t < endOf(call));
      call.blocks = neverReturned(call) || call.took >= 0.001 || (during && call.took >= 0.0001);
      rows.push({ call, t: call.t, place });
      if (call.blocks && !neverReturned(call)) rows.push({ call, t: endOf(call), place: place - 0.5, end: true });
    });
    rows.sort((a, b) => a.t - b.t || a.place - b.place);
    if (run.left_out) rows.splice(rows.findIndex((row) => row.place === gap), 0, { gap: run.left_out });
    rows.forEach((row, place) => {
      row.y = 56 + place * ROW;
      if (row.call) row.call[row.end ? "yEnd" : "y"] = row.y;
    });
    return { calls, rows, bottom: 56 + rows.length * ROW };
  }

  function arrow(x1, y1, x2, y2, style) {
    const angle = Math.atan2(y2 - y1, x2 - x1);
    const wing = (turn) => `${x2 - 8 * Math.cos(angle + turn)},${y2 - 8 * Math.sin(angle + turn)}`;
    return svg("g", { class: `arrow ${style}` }, svg("line", { x1, y1, x2, y2 }),
      svg("polygon", { points: `${x2},${y2} ${wing(0.4)} ${wing(-0.4)}` }));
  }

  function chart(run) {
    const { calls, rows, bottom } = chartRows(run), alone = !calls.some((call) => call.role === "client" || call.role === "server");
    const left = alone ? calls[0].role : "server", right = alone ? "the system" : "client";
    const label = ({ call, end }) => {
      const result = alone || !outcomeOf(call) ? "" : ` = ${outcomeOf(call)}`;
      if (end) return `${call.call.split("(")[0]}${result} after ${duration(call.took)}`;
      return (call.thread ? `[thread ${call.thread}] ` : "") + call.call + (call.blocks ? "" : result);
    };
    const cut = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 31)}…${text.slice(-30)}` : text); // the result stays
    const widest = (own) => Math.max(12, ...own.map((row) => cut(label(row)).length)) * CHAR + 40;
    const onLeft = (call) => call.role === left;
    const xLeft = 62 + widest(rows.filter((row) => row.call && onLeft(row.call))), xRight = xLeft + GAP;
    const width = xRight + (alone ? 36 * CHAR : widest(rows.filter((row) => row.call && !onLeft(row.call))));
    const inSeconds = Math.max(...rows.map((row) => row.t || 0)) >= 1;
    const x = (call) => (onLeft(call) ? xLeft - 7 * (call.thread || 0) : xRight + 7 * (call.thread || 0));
    const deepest = Math.max(...calls.map((call) => call.thread || 0));
    const xLabel = (call) => (onLeft(call) ? xLeft - 12 - 7 * deepest : xRight + 12 + 7 * deepest);
    const side = (call) => (onLeft(call) ? -1 : 1);
    const text = (px, y, words, style, anchor) => svg("text", { x: px, y: y + 4, class: style, "text-anchor": anchor }, words);
    const bars = [], marks = [], words = [], arrows = [];

    for (const call of calls.filter((one) => one.blocks)) {
      const end = call.yEnd === undefined ? bottom : call.yEnd;
      bars.push(svg("rect", { x: x(call) - 4, y: call.y, width: 8, height: end - call.y,
        class: `blocked ${neverReturned(call) ? "never" : failed(call) ? "failed" : call.hand_over ? "handover" : ""}` },
        svg("title", {}, `${call.call}: ${neverReturned(call) ? "never returned" : duration(call.took)}`)));
      if (neverReturned(call)) words.push(text(xLabel(call), end, "✗ never returned", "failed", onLeft(call) ? "end" : "start"));
    }
    for (const row of rows) {
      if (row.gap) {
        words.push(text((xLeft + xRight) / 2, row.y, `… ${plural(row.gap, "call")} left out …`, "gap", "middle"));
        continue;
      }
      const call = row.call, bad = failed(call) || neverReturned(call), style = bad ? "failed" : call.hand_over ? "handover" : "";
      words.push(text(52, row.y, (row.t * (inSeconds ? 1 : 1e3)).toFixed(3), "time", "end"));
      const full = label(row);
      words.push(svg("text", { x: xLabel(call), y: row.y + 4, class: row.end && !bad ? `returned ${style}` : style,
        "text-anchor": onLeft(call) ? "end" : "start" }, cut(full), cut(full) !== full && svg("title", {}, full)));
      if (!row.end || !call.blocks) marks.push(svg("circle", { cx: x(call), cy: row.y, r: 3.5, class: style }));
      if (alone && !call.hand_over) {
        if (!row.end) arrows.push(arrow(xLeft + 5, row.y, xRight - 1, row.y, bad && !call.blocks ? "failed" : ""));
        if (row.end) arrows.push(arrow(xRight, row.y, xLeft + 5, row.y, failed(call) ? "failed" : ""));
        if (row.end || !call.blocks) words.push(text(xRight + 10, row.y, `= ${outcomeOf(call)}`, style, "start"));
      }
    }
    /* Each ready() goes to the other role's first await_peer() that was not over before it. */
    const readies = calls.filter(isReady);
    for (const waits of alone ? [] : calls.filter(isAwait)) {
      const place = readies.findIndex((ready) => ready.role !== waits.role && ready.t <= endOf(waits) && !neverReturned(waits));
      if (place < 0) continue;
      const [ready] = readies.splice(place, 1), to = waits.yEnd === undefined ? Math.max(waits.y, ready.y) : waits.yEnd;
      arrows.push(arrow(x(ready) - 5 * side(ready), ready.y, x(waits) - 5 * side(waits), Math.max(to, ready.y), "handover"));
    }
    for (const looks of alone ? [] : calls.filter(seesPeer)) {
      const y = looks.yEnd === undefined ? looks.y : looks.yEnd;
      if (!neverReturned(looks)) arrows.push(arrow(x(looks) - 5 * side(looks), y, (onLeft(looks) ? xRight - 5 : xLeft + 5), y, "handover seen"),
        text((xLeft + xRight) / 2, y - 9, "sees it blocked", "handover small", "middle"));
    }
    const end = bottom + ROW;
    const foot = (name, px) => run.roles.filter((role) => role.role === name).map((role) =>
      text(px, end + 14, `${GLYPHS[role.verdict] || ""} ${role.verdict}`, `foot ${role.verdict}`, "middle"));
    return svg("svg", { width, height: end + 30, viewBox: `0 0 ${width} ${end + 30}`, role: "img",
      "aria-label": `Sequence of ${plural(calls.length, "call")} between ${left} and ${right}; the transcript below has the same as text` },
    text(52, 24, inSeconds ? "s" : "ms", "time", "end"), text(xLeft, 20, left, "head", alone ? "end" : "middle"),
    text(xRight, 20, right, "head", alone ? "start" : "middle"),
    svg("line", { x1: xLeft, y1: 34, x2: xLeft, y2: end, class: "life" }), svg("line", { x1: xRight, y1: 34, x2: xRight, y2: end, class: "life" }),
    bars, arrows, marks, words, foot(left, xLeft), !alone && foot(right, xRight));
  }

  /* ---- the frame: views, filters, drawing ---- */

  const VIEWS = { "": ["Requirements", requirementsView, () => Object.keys(data.requirements).length],
    notes: ["What the notes say", notesView, () => data.claims.length],
    observed: ["Observed", observedView, () => runs.filter((run) => Object.keys(run.observed || {}).length).length] };
  const views = document.getElementById("views"), filters = document.getElementById("filters");

  function drawViews() {
    views.replaceChildren(...Object.entries(VIEWS).map(([name, [title, , count]]) => h("a", {
      href: address({ view: name, run: null, repetition: null, verdict: null, claims: null }),
      "aria-current": get("view") === name && !get("run") ? "page" : null }, title, " ", h("small", {}, count()))));
  }

  const search = h("input", { type: "search", placeholder: "Words, a requirement, a run …  ( / )", "aria-label": "Text",
    autocomplete: "off", spellcheck: "false",
    oninput: () => { clearTimeout(search.timer); search.timer = setTimeout(() => replace({ q: search.value.trim() }), 120); } });
  const picker = (name, title, values, words) => values.length > 1 && h("select", {
    "aria-label": title, name, onchange: (event) => replace({ [name]: event.target.value }) },
    h("option", { value: "" }, title), values.map((value) => h("option", { value }, words ? words[value] || value : value)));
  const pickers = [picker("kind", "Every kind", kinds), picker("document", "Every document", documents, DOCUMENTS)];
  const buttons = h("span", { class: "toggles", role: "group", "aria-label": "Verdicts" });
  filters.append(search, ...fill(document.createDocumentFragment(), {}, [buttons, pickers]).childNodes);
  filters.addEventListener("submit", (event) => event.preventDefault());

  function drawFilters() {
    const notes = get("view") === "notes", name = notes ? "claims" : "verdict";
    const counts = grouped(notes ? data.claims : runs, (item) => item.verdict);
    const toggle = (pressed, style, text, changes) => h("button", { type: "button", id: "only-" + text.replace(/\W/g, ""),
      "aria-pressed": String(pressed), class: style, onclick: () => replace(changes) }, text);
    buttons.replaceChildren(...Object.keys(notes ? CLAIMS : GLYPHS).filter((verdict) => counts.has(verdict)).map((verdict) => {
      const [glyph, style] = notes ? CLAIMS[verdict] : [GLYPHS[verdict], verdict];
      return toggle(list(name).includes(verdict), style, `${glyph} ${verdict}${notes ? ` ${counts.get(verdict).length}` : ""}`,
        { [name]: toggled(name, verdict) });
    }));
    if (!notes) buttons.append(toggle(Boolean(get("surprises")), "", "! surprises", { surprises: get("surprises") ? null : "1" }));
    for (const select of filters.querySelectorAll("select")) { select.value = get(select.name); select.hidden = notes; }
    if (document.activeElement !== search) search.value = get("q");
    filters.hidden = Boolean(get("run"));
  }

  let kept = { run: "", scroll: 0 }; // where the list stood when a run was opened
  function draw() {
    state = new URLSearchParams(location.hash.slice(1));
    const name = get("run"), number = Number(get("repetition")) || 1;
    if (name && !kept.run) kept.scroll = window.scrollY;
    const run = name && (runs.find((one) => one.run === name && (one.repetition || 1) === number) || runs.find((one) => one.run === name));
    const [title, view] = VIEWS[get("view")] || VIEWS[""];
    const focused = document.activeElement.id;
    drawViews();
    drawFilters();
    const content = !name ? view() : run ? detailView(run) : [h("p", { class: "steps" }, backToAll()),
      h("p", { class: "nothing" }, `There is no result of ${name} here.`)];
    main.replaceChildren(...fill(document.createDocumentFragment(), {}, [content]).childNodes);
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus({ preventScroll: true });
    document.body.classList.toggle("detail", Boolean(name));
    document.title = `${name || title} – ${document.querySelector("h1").textContent}`;
    if (name && name !== kept.run) { window.scrollTo(0, 0); (main.querySelector("h2") || main).focus(); }
    if (!name && kept.run) {
      window.scrollTo(0, kept.scroll);
      const opened = [...main.querySelectorAll("a.mark")].find((anchor) => anchor.title.startsWith(kept.run + ":"));
      if (opened) opened.focus({ preventScroll: true });
    }
    kept.run = name;
    document.documentElement.dataset.drawn = name ? "run" : get("view") || "requirements";
  }

  window.addEventListener("hashchange", draw);
  document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
  document.addEventListener("keydown", (event) => {
    const writing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !writing && !filters.hidden) { event.preventDefault(); search.focus(); }
    if (event.key === "Escape" && get("run")) location.hash = address({ run: null, repetition: null });
  });
  draw();
})();
