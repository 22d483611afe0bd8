// The symmetric mix of the forward and the backward image, as in compose.py.
struct Mix {
  vec2 alpha;   // accumulated alpha of the forward and the backward image
  vec2 weight;  // their weights; the sum is 1
};

float unpremultiplied(float value, float alpha)
{
  return alpha > 1e-6 ? value / alpha : 0.0;
}

float mixed_mean(vec2 values, Mix images)
{
  float forward = unpremultiplied(values.x, images.alpha.x);
  float backward = unpremultiplied(values.y, images.alpha.y);
  return images.weight.x * forward + images.weight.y * backward;
}

float mixed_heaviest(vec2 values, Mix images)
{
  bool is_backward = images.weight.y > images.weight.x;
  return round(is_backward ? unpremultiplied(values.y, images.alpha.y) :
                             unpremultiplied(values.x, images.alpha.x));
}

// Weight of the backward image: see flow.symmetric_weights.
float backward_weight(float disparity_f, float disparity_b, float alpha_f, float alpha_b)
{
  float nearest = max(disparity_f, disparity_b);
  float forward = (1.0 - phase) * exp(SHARPNESS * (disparity_f - nearest)) * alpha_f;
  float backward = phase * exp(SHARPNESS * (disparity_b - nearest)) * alpha_b;
  float total = forward + backward;
  return total > 0.0 ? backward / total : phase;
}
