"""Reading photographs."""
