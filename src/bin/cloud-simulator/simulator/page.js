// The page comes to life here.
