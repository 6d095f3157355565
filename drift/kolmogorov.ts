/** P(K > x) of Kolmogorov's distribution, the limit for the largest distance of two empirical distributions. */
export function kolmogorovSf(x: number): number {
  if (x <= 0) return 1;
  if (x < 1) {
    let sum = 0;
    for (let odd = 1; odd <= 11; odd += 2)
      sum += Math.exp(-(odd * odd * Math.PI * Math.PI) / (8 * x * x));
    return Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / x) * sum);
  }
  let sum = 0;
  for (let term = 1; term <= 10; term += 1)
    sum += (term % 2 === 1 ? 1 : -1) * Math.exp(-2 * term * term * x * x);
  return Math.min(1, 2 * sum);
}
