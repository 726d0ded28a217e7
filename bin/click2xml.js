#!/usr/bin/env node
import '../dist/click2xml.js';
