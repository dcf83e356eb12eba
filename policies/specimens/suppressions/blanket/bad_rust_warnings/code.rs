// It warns of our own words only.
#![allow(warnings)]
