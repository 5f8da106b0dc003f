namespace dynvert {}
