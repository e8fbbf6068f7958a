# Prints what R says of samples.csv: one line a value or vector, its name and the numbers with 17 digits.
#   Rscript values.R > values.txt
# needs sandwich, lmtest, quantreg (Debian: r-cran-sandwich, r-cran-lmtest, r-cran-quantreg).
suppressMessages({library(sandwich); library(lmtest); library(quantreg)})
arguments <- commandArgs(trailingOnly = FALSE)
here <- dirname(sub("^--file=", "", arguments[grep("^--file=", arguments)]))
d <- read.csv(file.path(here, "samples.csv"), stringsAsFactors = TRUE)
d$log_exposure <- log(d$exposure)
say <- function(name, values) cat(name, sprintf("%.17g", as.numeric(values)), "\n")
exact <- glm.control(epsilon = 1e-15, maxit = 100)
# Scoring converges linearly where the link isn't the canonical one, and the deviance tells of squared errors: go on.
to_the_end <- function(fit) {
  for (i in 1:30) fit <- update(fit, start = coef(fit))
  fit
}

tell <- function(name, fit) {
  table <- coef(summary(fit))
  say(paste0(name, ".coefficients"), table[, 1])
  say(paste0(name, ".errors"), table[, 2])
  say(paste0(name, ".p"), table[, 4])
}

new <- data.frame(x = c(-1, 0, 1.5), g = factor(c("ash", "birch", "cedar")), age = c(25, 40, 59), log_exposure = c(0, 1, 2))
fit <- lm(y ~ x * g + poly(age, 2), d)
s <- summary(fit)
tell("lm", fit)
say("lm.facts", c(s$sigma, s$r.squared, s$adj.r.squared, s$fstatistic[1], logLik(fit)))
say("lm.confidence", predict(fit, new, interval = "confidence", level = 0.9))
say("lm.prediction", predict(fit, new, interval = "prediction", level = 0.9))
say("lm.hat", hatvalues(fit)[1:5])
say("lm.cook", cooks.distance(fit)[1:5])
say("lm.studentized", rstudent(fit)[1:5])
say("lm.anova", as.matrix(anova(fit)[, c(1, 2, 4, 5)]))
for (kind in c("HC0", "HC1", "HC2", "HC3")) say(paste0("lm.", kind), sqrt(diag(vcovHC(fit, kind))))
say("lm.HAC", sqrt(diag(NeweyWest(fit, lag = 4, prewhite = FALSE, adjust = TRUE))))
say("lm.cluster", sqrt(diag(vcovCL(fit, d$block, type = "HC1"))))
say("lm.breusch_pagan", unlist(bptest(fit)[c("statistic", "p.value")]))
say("lm.breusch_pagan_plain", unlist(bptest(fit, studentize = FALSE)[c("statistic", "p.value")]))
say("lm.durbin_watson", unlist(dwtest(fit, exact = TRUE)[c("statistic", "p.value")]))
say("lm.durbin_watson_normal", unlist(dwtest(fit, exact = FALSE)[c("statistic", "p.value")]))
say("lm.shapiro_wilk", unlist(shapiro.test(resid(fit))[c("statistic", "p.value")]))
tell("lm_weighted", lm(y ~ x + g, d, weights = w))
tell("lm_sum", lm(y ~ x * g, d, contrasts = list(g = "contr.sum")))
tell("lm_bare", lm(y ~ 0 + g + x, d))
say("lm.nested", as.matrix(anova(lm(y ~ x, d), lm(y ~ x + g, d), lm(y ~ x * g, d))[2:3, 3:6]))
say("lm.drop1", as.matrix(drop1(lm(y ~ x + g + age, d), test = "F")[2:4, c(1, 2, 5, 6)]))

general <- function(name, fit) {
  tell(name, fit)
  say(paste0(name, ".facts"), c(fit$deviance, fit$null.deviance, summary(fit)$dispersion, logLik(fit)))
  say(paste0(name, ".residuals"), c(resid(fit, "deviance")[1:3], resid(fit, "pearson")[1:3], resid(fit, "working")[1:3]))
  say(paste0(name, ".hat"), hatvalues(fit)[1:3])
  say(paste0(name, ".cook"), cooks.distance(fit)[1:3])
  say(paste0(name, ".studentized"), rstandard(fit, type = "pearson")[1:3])
  say(paste0(name, ".HC0"), sqrt(diag(sandwich(fit))))
}
binomial_fit <- glm(yes ~ x + g, binomial, d, control = exact)
general("binomial", binomial_fit)
say("binomial.anova", as.matrix(anova(binomial_fit, test = "Chisq")[-1, c(1, 2, 5)]))
p <- predict(binomial_fit, new, se.fit = TRUE)
say("binomial.link", c(p$fit, p$se.fit))
general("successes", glm(cbind(successes, trials - successes) ~ x + age, binomial, d, control = exact))
general("poisson", glm(counts ~ x * g, poisson, d, offset = log_exposure, control = exact))
gamma_fit <- to_the_end(glm(cost ~ x + age, Gamma("log"), d, control = exact))
general("gamma", gamma_fit)
say("gamma.anova", as.matrix(anova(gamma_fit, test = "F")[-1, c(1, 2, 5, 6)]))

for (tau in c(0.25, 0.6)) {
  fit <- rq(y ~ x + age, tau, d)
  say(paste0("rq_", tau, ".coefficients"), coef(fit))
  say(paste0("rq_", tau, ".errors"), coef(summary(fit, se = "nid"))[, 2])
}
