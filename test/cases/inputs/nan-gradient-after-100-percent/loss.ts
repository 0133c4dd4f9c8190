// f = -log(1 - |W|^2) pushed outwards: leaves its domain
export default (w: any, tf: any) =>
  w
    .square()
    .sum([1, 2])
    .sub(1)
    .neg()
    .log()
    .add(w.sum([1, 2]).mul(-1));
