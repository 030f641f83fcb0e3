"""May a plan be applied? Rules as data, over what it changes in access: by itself, with approval, or not at all."""
