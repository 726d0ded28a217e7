#!/usr/bin/env node
import '../dist/xml2click.js';
