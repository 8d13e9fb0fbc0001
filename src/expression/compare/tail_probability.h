#pragma once

namespace stroma::expression {

/// P(|T| >= |t|) for Student's t with `degrees` > 0 degrees of freedom (need not be whole): within
/// 1e-12 of the truth, relative, down to 1e-300. NaN for NaN; 0 for an infinite t.
///
/// It is the incomplete beta function I_x(degrees / 2, 1 / 2) at x = degrees / (degrees + t²): by
/// its power series for x <= 0.7, else by the asymptotic expansion for a large first parameter
/// (DiDonato and Morris, ACM TOMS 18 (1992), 360, equation 9), raised to one by recurrence.
double student_t_two_sided(double t, double degrees);

/// P(|Z| >= |z|) for a standard normal Z.
double normal_two_sided(double z);

}  // namespace stroma::expression
