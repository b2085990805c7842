# Golden numbers of unequal-probability designs: `Rscript pps.R` writes pps.json (R survey 4.1.1, jsonlite).
# A finite population of 22 communes in two strata; conditional Poisson sampling (fixed size) with odds by size, whose
# single and joint probabilities are exact, by listing every possible sample.
suppressPackageStartupMessages({library(survey); library(jsonlite)})
options(survey.lonely.psu = "fail")
set.seed(2025)
population <- function(stratum, N) data.frame(stratum = stratum, dossiers = round(rlnorm(N, 5.5, .7)),
                                              share = runif(N, .6, .97))
drawn <- function(pop, n) {
  samples <- combn(nrow(pop), n); odds <- pop$dossiers / mean(pop$dossiers)
  p <- apply(samples, 2, function(s) prod(odds[s])); p <- p / sum(p)
  inside <- apply(samples, 2, function(s) as.numeric(seq_len(nrow(pop)) %in% s))
  joint <- inside %*% (t(inside) * p)
  s <- samples[, sample(ncol(samples), 1, prob = p)]
  list(rows = transform(pop[s, ], p = diag(joint)[s], q = sum(diag(joint)^2) / n), joint = joint[s, s])
}
one <- drawn(population(1, 10), 4); two <- drawn(population(2, 12), 5)
d <- rbind(one$rows, two$rows); rownames(d) <- NULL
d$commune <- seq_len(nrow(d)); d$satisfied <- round(d$dossiers * d$share); d$rural <- as.numeric(seq_len(nrow(d)) %% 2)
joint <- outer(d$p, d$p); a <- seq_len(nrow(one$joint)); b <- nrow(one$joint) + seq_len(nrow(two$joint))
joint[a, a] <- one$joint; joint[b, b] <- two$joint
figures <- function(x) {
  part <- subset(x, rural == 1); m <- svymean(~satisfied + dossiers, x); t <- svytotal(~satisfied + dossiers, x)
  r <- svyratio(~satisfied, ~dossiers, x); pt <- svytotal(~satisfied, part); pr <- svyratio(~satisfied, ~dossiers, part)
  list(total = as.numeric(coef(t)), total_vcov = unname(as.matrix(vcov(t))), mean = as.numeric(coef(m)),
       mean_vcov = unname(as.matrix(vcov(m))), ratio = as.numeric(coef(r)), ratio_se = as.numeric(SE(r)),
       domain_total = as.numeric(coef(pt)), domain_total_se = as.numeric(SE(pt)),
       domain_ratio = as.numeric(coef(pr)), domain_ratio_se = as.numeric(SE(pr)))
}
pps <- function(method, variance) svydesign(~1, strata = ~stratum, fpc = ~p, data = d, pps = method, variance = variance)
out <- list()
for (v in c("HT", "YG")) {
  out[[paste0("joint_", v)]] <- figures(pps(ppsmat(joint), v))
  out[[paste0("hartley_rao_", v)]] <- figures(pps(HR(list(c(d$q[1], d$q[nrow(d)]))), v))
  out[[paste0("hartley_rao_sample_", v)]] <- figures(pps(HR(), v))
  out[[paste0("overton_", v)]] <- figures(pps("overton", v))
}
out$brewer <- figures(svydesign(~1, strata = ~stratum, fpc = ~p, data = d, pps = "brewer"))
people <- d[rep(seq_len(nrow(d)), each = 3), c("stratum", "commune", "p", "share", "rural", "dossiers")]
people$person <- seq_len(nrow(people)); people$p2 <- 3 / people$dossiers
people$satisfied <- as.numeric(runif(nrow(people)) < people$share)
people$dossiers <- 1
out$two_stages <- figures(svydesign(~commune + person, strata = ~stratum, fpc = ~p + p2, data = people, pps = "brewer"))
write_json(list(survey = as.character(packageVersion("survey")), communes = d, joint = joint, people = people,
                expected = out), "pps.json", digits = NA, auto_unbox = TRUE, dataframe = "columns", matrix = "rowmajor")
