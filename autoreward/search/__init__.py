"""Which candidate trains, how long, and which one wins. No model is asked and no process is started here."""
