"""The rules of the decision, as the report's page prints them; report.verdict follows them."""

from __future__ import annotations

RULES = (
    "A contestant takes part only if it meets the requirements of `decision` in params.yaml and was measured on "
    "them: the latency within which 95 of 100 single texts are answered, and the cost of predicting a month's texts."
    " A latency measured on fewer than 100 single texts excludes nobody.",
    "The small model is the model in study.models with the highest primary metric on validation rows. The LLM is "
    "chosen from study.llms and the cascade from study.cascades in the same way; the first in study wins a tie. "
    "Contestants of one kind are compared on the validation rows that all of them answered. If there are several, "
    "those without a figure on these rows can't be chosen. If no model, or no LLM, can be chosen, the verdict is "
    "undecided. Test rows choose none of the three.",
    "Two pairs decide, one after the other, each at the full level: first the small model against the LLM, then the"
    " cascade against the winner. The three and their order are fixed before the test rows are seen. So the chance "
    "of a false claim is at most 1 minus the confidence for each pair, and at most twice that for either. Claims "
    "about all other pairs are corrected together, by Holm's procedure with Shaffer's multiplier: the number of "
    "pairs with an open claim. The chance that any of these is false is again at most 1 minus the confidence. "
    "Claims about recipes are corrected apart from those about trained models. Contestants with the same "
    "predictions count once.",
    "Better: p of no difference is below 1 minus the confidence of the intervals. As good: not better, and the "
    "lower bound of the difference lies above minus the margin, which is stated beforehand. For pairs that do not "
    "decide, the corrected interval gives that bound; it is wider than the interval shown. A contestant that is "
    "certainly behind, but by less than the margin, is as good. Worse: the other is better, and this one is not as "
    "good. Everything else is not resolved. If fewer than 25 groups of test rows tell two contestants apart on "
    "accuracy, the p of an exact sign test counts if it is larger. With under 20 groups, counted as groups of equal"
    " size, nothing is resolved.",
    "Some classes may have under 10 test rows. If they could together move balanced accuracy, macro-F1 or AUROC by "
    "more than the margin, nothing is claimed on that metric. The verdict is then undecided, unless `decision` "
    "settles it.",
    "With fewer than three training seeds, claims are about the models trained here. Claims about the recipe, the"
    " average over trainings with these settings, are shown too: their interval assumes metrics.seed_sd as the "
    "standard deviation between seeds. From three seeds on it is estimated, and all claims are about recipes.",
    "The first choice is the contestant that is as good, or better, and cheaper. If there is none, it is the one "
    "that is better, or the only one left. The verdict is fine-tune if that is the model, prompt if it is the LLM, "
    "and undecided otherwise. The report says so when the chosen one is not shown to beat the majority class.",
    "A cascade replaces the winner of the two in three cases: it is as good, or better, and cheaper; it is better, "
    "and the winner is not both as good and cheaper; or it alone meets the requirements. A cascade that never or "
    "always asks its LLM about the test rows equals one of its sides and takes no part.",
    "With the rows needed, 80 of 100 studies would settle a pair if the true difference, and the variation between "
    "training seeds, are as measured. Three or four seeds measure that variation badly; more seeds measure it "
    "better. More rows say nothing about training: if seeds hide the difference, no number of rows is given. If you "
    "add rows and look again, that is another test.",
    "Cheaper means that training and prediction cost less in total over decision.horizon_months, at "
    "decision.monthly_texts texts per month. Without these settings, 12 months and 100,000 texts are assumed. The "
    "machine is paid by use, or always on with cost.always_on. Labels of training and validation rows, or shots, "
    "count if decision.count_labels says that you still have to pay for them. Labels of test rows never count, "
    "because any comparison needs them. Both totals are shown.",
    "Costs can't be told apart if they differ by less than 1%, or by less than the timing of the machine may be "
    "off: three standard errors of its seconds, and at least 20%, because one run sees one load. On another kind of"
    " machine all seconds change, and so does their ratio to an API's price.",
)
