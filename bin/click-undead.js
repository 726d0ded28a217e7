#!/usr/bin/env node
import '../dist/click-undead.js';
