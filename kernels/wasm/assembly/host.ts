/** What the host lends: its power function, whose results decide step sizes, so that they are those of the twin. */
export declare function pow(base: f64, exponent: f64): f64;
