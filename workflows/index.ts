export { deliverModel } from './delivery/deliver-model.js';
export { janitor } from './janitor.js';
export { monitorModel } from './monitor/monitor-model.js';
export { releaseModel } from './release/release-model.js';
export { searchModel } from './training/search-model.js';
export { trainModel } from './training/train-model.js';
