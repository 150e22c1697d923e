// The public face: exports only.

export { backward, type Gradients } from './autograd/backward.ts';
export { recompute, scope, type Traced } from './autograd/graph.ts';
export type {
  Batch,
  Compiled,
  CompileOptions,
  HostTensor,
  Machine,
  Output,
  Replay,
  Scalars,
} from './autograd/machine.ts';
export { parseGpt2Config } from './checkpoint/gpt2_config.ts';
export { parameterHash } from './checkpoint/hash.ts';
export { loadWeights } from './checkpoint/huggingface.ts';
export { SafetensorsReader, writeSafetensors } from './checkpoint/safetensors.ts';
export { ByteTokenizer, CharTokenizer, Gpt2Tokenizer, type Tokenizer, tokenizerFromFiles } from './data/tokenizer.ts';
export { validationWindows, WindowSampler } from './data/windows.ts';
export { InputError, NotFiniteError, RunError } from './errors.ts';
export { type GenerateOptions, TokenGenerator } from './generate/generate.ts';
export { chooseToken, type SamplingOptions } from './generate/sampling.ts';
export { GPT2, type GPT2Config, gpt2Config } from './nn/gpt2.ts';
export { type ForwardOptions, type LanguageModel, parameterCount } from './nn/model.ts';
export { tally, zero } from './ops/accumulate.ts';
export { gelu, relu, silu } from './ops/activations.ts';
export { add } from './ops/add.ts';
export { attention, attentionPacked } from './ops/attention.ts';
export { concat } from './ops/concat.ts';
export { assign } from './ops/copy.ts';
export { crossEntropy, crossEntropyOf } from './ops/cross_entropy.ts';
export { dropout } from './ops/dropout.ts';
export { embedding } from './ops/embedding.ts';
export { expand } from './ops/expand.ts';
export { layernorm } from './ops/layernorm.ts';
export { matmul } from './ops/matmul.ts';
export { mul } from './ops/mul.ts';
export { constant, stepScalar } from './ops/op.ts';
export { orthogonalize } from './ops/orthogonalize.ts';
export { reshape } from './ops/reshape.ts';
export { scale } from './ops/scale.ts';
export { softmax } from './ops/softmax.ts';
export { softmaxStats } from './ops/softmax_stats.ts';
export { mean, sum, sumTo } from './ops/sum.ts';
export { AdamW, type AdamWOptions, type ParameterGroup } from './optim/adamw.ts';
export { Ema } from './optim/ema.ts';
export { isHiddenMatrix, Muon, type MuonOptions } from './optim/muon.ts';
export type { Optimizer, StepFigures, StepOptions } from './optim/optimizer.ts';
export { learningRateAt, type ScheduleOptions } from './optim/schedule.ts';
export { Twin } from './reference/twin.ts';
export { type Device, type DeviceOptions, openDevice } from './runtime/device.ts';
export { type Plan, printPlan, printTrace } from './schedule/plan.ts';
export { type LanguageTaskOptions, languageBatch, languageTask } from './tasks/language.ts';
export type { Task, TaskLoss } from './tasks/task.ts';
export { wholesOf } from './tensor/pieces.ts';
export type { Shape } from './tensor/shape.ts';
export { Tensor } from './tensor/tensor.ts';
export { type RatePoint, searchRates, suggestRate } from './train/find_rate.ts';
export { type LoopOptions, type LoopProgress, loop } from './train/loop.ts';
export { hashOf, loadModel, loadOptimizer, modelFile, optimizerFile } from './train/snapshot.ts';
export { firstLossWarning, spikeText } from './train/spikes.ts';
export type { StepInput, StepResult, TrainerParts, Weights } from './train/step.ts';
export { Trainer } from './train/trainer.ts';
