/** Makes the tabular trainer's image without pulling a base, and prints what PERENNIAL_TRAINER_IMAGE takes. */
import { loadConfig } from '../runtime/config.js';
import { connectEngine } from '../training/docker/engine.js';
import { createCommand } from './command-line.js';
import { importTrainerImage } from './engine/trainer-image.js';

const { python } = createCommand('trainer-image')
  .description(
    "Makes the trainers' image from this checkout's Python environment and puts it into the engine.",
  )
  .requiredOption('--python <path>', 'interpreter whose packages go in')
  .addHelpText(
    'after',
    '\nThe engine is the one that PERENNIAL_DOCKER_HOST names. Prints the id of the image; a second run finds it there.',
  )
  .parse()
  .opts<{ python: string }>();

try {
  const engine = connectEngine(loadConfig().docker.host);
  process.stdout.write(`${await importTrainerImage(engine, { python })}\n`);
} catch (error) {
  process.stderr.write(
    `trainer-image: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = 1;
}
