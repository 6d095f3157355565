export { deliverModel } from './deliver-model.js';
export { janitor } from './janitor.js';
export { monitorModel } from './monitor-model.js';
export { releaseModel } from './release-model.js';
export { searchModel } from './search-model.js';
export { trainModel } from './train-model.js';
