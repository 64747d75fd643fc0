"""EventProp: the forward pass and the adjoint pass through any network of LIF neurons."""
