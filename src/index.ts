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
export { BrowserRuns, type KeptRun, type LoadedRun } from './checkpoint/browser_runs.ts';
export { encoderDecoderConfigJson, parseEncoderDecoderConfig } from './checkpoint/encoder_decoder_config.ts';
export { parameterHash, Sha256 } from './checkpoint/hash.ts';
export {
  averageName,
  type FileContent,
  isFileName,
  type ManifestLine,
  manifestName,
  manifestText,
  readManifest,
  stepName,
  stepOf,
} from './checkpoint/manifest.ts';
export { parseModelConfig } from './checkpoint/model_config.ts';
export { parsePeftConfig } from './checkpoint/peft_config.ts';
export { type ByteSource, bytesSource, SafetensorsReader, writeSafetensors } from './checkpoint/safetensors.ts';
export { compareResume, parseTrainingState, type Scalar, type TrainingState } from './checkpoint/training_state.ts';
export { readZip, writeZip, type ZipEntry } from './checkpoint/zip.ts';
export { type ChatMessage, type ChatOptions, ChatTemplate } from './data/chat_template.ts';
export { type CountingBaselines, countingBaselines, tokenChunks } from './data/counting.ts';
export { ExampleEncoder } from './data/instruct/encode.ts';
export { encodeRows, type TokenRow } from './data/instruct/encoded_rows.ts';
export { type EncodedPair, type EncodePairsOptions, encodePairs } from './data/pairs/encode_pairs.ts';
export { trainPairTokenizer } from './data/pairs/pair_tokenizer.ts';
export { type PairParts, type SplitPairsOptions, splitPairs } from './data/pairs/split_pairs.ts';
export { RowSampler } from './data/row_sampler.ts';
export { TextCorpus, textCorpus } from './data/text_corpus.ts';
export { TokenSampler, type TokenSettings } from './data/token_sampler.ts';
export {
  ByteTokenizer,
  CharTokenizer,
  Gpt2Tokenizer,
  loadTokenizer,
  promptIds,
  type Tokenizer,
  tokenizerFromFiles,
} from './data/tokenizer.ts';
export { validationWindows, WindowSampler } from './data/windows.ts';
export { DeviceLostError, InputError, NotFiniteError, RunError, SizeError, StoppedError } from './errors.ts';
export { type Lesson, type LessonRequest, type LessonTask, openLesson } from './finetune/lesson.ts';
export type { Baseline, LanguageRun, OpenedTask, Origin, Tell } from './finetune/opened.ts';
export type { FinetuneSettings } from './finetune/settings.ts';
export { type BeamOptions, type BeamText, beamSearch } from './generate/beam.ts';
export { type GenerateOptions, TokenGenerator } from './generate/generate.ts';
export { type Candidate, likeliest } from './generate/likeliest.ts';
export { chooseToken, type SamplingOptions } from './generate/sampling.ts';
export { generateSeveral, type SeveralOptions } from './generate/several.ts';
export {
  type Alignment,
  type TranslateOptions,
  type Translation,
  Translator,
  type TranslatorOptions,
} from './generate/translator.ts';
export { AttentionMaps } from './look/attention_maps.ts';
export { firstNotFinite, type SeenValue, valuesOfDispatch } from './look/dispatch_values.ts';
export { gradientName, gradientsOf } from './look/gradients.ts';
export { type MapWindow, type PooledMap, pooledMap, type ValueStatistics, valueStatistics } from './look/heat_map.ts';
export { type KernelText, kernelText } from './look/kernel_text.ts';
export { Lens, type LensOptions } from './look/lens.ts';
export { type Line, lineOf, type Maker, makerOf, type Product, productAt } from './look/product.ts';
export { type PlannedStep, type StepDispatch, StepPlans } from './look/step_plan.ts';
export { type StepTime, timeStep } from './look/step_time.ts';
export { madeValues, placeOf } from './look/value_places.ts';
export { type TracedValues, ValueReader } from './look/value_reader.ts';
export { Classifier, type ClassifierConfig, type ClassifierOptions, type Pooling } from './nn/classifier.ts';
export { Encoder, type EncoderConfig, encoderConfig } from './nn/encoder.ts';
export { EncoderDecoder, type EncoderDecoderConfig, encoderDecoderConfig } from './nn/encoder_decoder.ts';
export { configParameterCount, FAMILIES, type Family, type ModelConfig, makeModel } from './nn/families.ts';
export { type Gemma3Config, gemma3Config } from './nn/gemma3_config.ts';
export { GPT2, type GPT2Config, gpt2Config } from './nn/gpt2.ts';
export { Llama, type LlamaConfig, llamaConfig } from './nn/llama.ts';
export { type MistralConfig, mistralConfig } from './nn/llama_config.ts';
export { type Adapted, type Adapter, type LoraOptions, lora } from './nn/lora.ts';
export { mergeAdapter, unmergeAdapter } from './nn/lora_merge.ts';
export { type ForwardOptions, type LanguageModel, parameterCount } from './nn/model.ts';
export { type Qwen3Config, qwen3Config } from './nn/qwen3_config.ts';
export { tally, zero } from './ops/accumulate.ts';
export { gelu, relu, silu } from './ops/activations.ts';
export { add } from './ops/add.ts';
export { attention, attentionPacked } from './ops/attention.ts';
export { cast } from './ops/cast.ts';
export { concat } from './ops/concat.ts';
export { assign } from './ops/copy.ts';
export { crossEntropy, crossEntropyOf } from './ops/cross_entropy.ts';
export { dropout } from './ops/dropout.ts';
export { embedding } from './ops/embedding.ts';
export { expand } from './ops/expand.ts';
export { type KlDivergenceOptions, klDivergence } from './ops/kl_divergence.ts';
export { layernorm } from './ops/layernorm.ts';
export { matmul } from './ops/matmul.ts';
export { mul } from './ops/mul.ts';
export { constant, stepScalar } from './ops/op.ts';
export { orthogonalize } from './ops/orthogonalize.ts';
export { part } from './ops/part.ts';
export { reshape } from './ops/reshape.ts';
export { rmsnorm } from './ops/rmsnorm.ts';
export { type RopeTable, rope } from './ops/rope.ts';
export { scale } from './ops/scale.ts';
export { softmax } from './ops/softmax.ts';
export { softmaxStats } from './ops/softmax_stats.ts';
export { mean, sum, sumTo } from './ops/sum.ts';
export { swiglu } from './ops/swiglu.ts';
export { AdamW, type AdamWOptions, type ParameterGroup } from './optim/adamw.ts';
export { Ema } from './optim/ema.ts';
export { freezeParts, type TrainedPart, trainedCount } from './optim/frozen.ts';
export { isHiddenMatrix, Muon, type MuonOptions } from './optim/muon.ts';
export { type Optimizer, type StepFigures, type StepOptions, seedOf } from './optim/optimizer.ts';
export { learningRateAt, type ScheduleOptions } from './optim/schedule.ts';
export { Twin } from './reference/twin.ts';
export { tooLargeToCopy } from './runtime/copied_replays.ts';
export { type Device, type DeviceOptions, type KernelChoice, openDevice } from './runtime/device.ts';
export { type AdapterReport, reportAdapter } from './runtime/platform/report.ts';
export { boundBytes } from './runtime/profile.ts';
export type { KernelTable } from './schedule/order.ts';
export type { Plan } from './schedule/plan.ts';
export { printPlan, printTrace } from './schedule/print_plan.ts';
export { tableOf } from './schedule/used_table.ts';
export { type Bleu, type BleuOptions, corpusBleu, sentenceBleu } from './scores/bleu.ts';
export { type Chrf, type ChrfOptions, chrf } from './scores/chrf.ts';
export { exactMatch, rougeL } from './scores/rouge.ts';
export { balancedWeights, type ClassifyTaskOptions, classifyTask } from './tasks/classify.ts';
export { type ClassifyRows, classifyRows, type LabelledIds } from './tasks/classify_rows.ts';
export { type DistillTaskOptions, distillTask } from './tasks/distill.ts';
export { type InstructRows, type InstructRowsOptions, instructRows } from './tasks/instruct.ts';
export { type LanguageTaskOptions, languageBatch, languageTask } from './tasks/language.ts';
export { type MaskTaskOptions, maskTask } from './tasks/mask.ts';
export { type Masking, maskBatch, ordinaryIds } from './tasks/mask_rows.ts';
export { type PreferTaskOptions, preferTask } from './tasks/prefer.ts';
export { preferRows } from './tasks/prefer_rows.ts';
export type { ShownRow, TaskRows } from './tasks/rows.ts';
export type { Task, TaskLoss } from './tasks/task.ts';
export { type TranslateTaskOptions, translateTask } from './tasks/translate.ts';
export { type IdPair, pairRows } from './tasks/translate_rows.ts';
export { type Whole, wholesOf } from './tensor/pieces.ts';
export type { Shape } from './tensor/shape.ts';
export { type DType, type Precision, Tensor } from './tensor/tensor.ts';
export { type AdapterFileOptions, adapterFiles, loadAdapter } from './train/adapter_files.ts';
export {
  checkpointFiles,
  keptModel,
  noProgress,
  type SavedParts,
  savedCursor,
  savedProgress,
  trainingState,
} from './train/checkpoint_files.ts';
export { evaluateBatches } from './train/evaluate.ts';
export type { MemoryBytes, RunEvent, StartEvent, StepEvent } from './train/events.ts';
export { type RatePoint, searchRates, suggestRate } from './train/find_rate.ts';
export { type Limits, misfit } from './train/limits.ts';
export { type LoopOptions, type LoopProgress, loop } from './train/loop.ts';
export { evaluationBatches, rowsFor, TRAIN_PARTS } from './train/loss_batches.ts';
export { eventBytes, memoryOf, type RunMemory } from './train/memory.ts';
export { pairLossBatches } from './train/pair_loss_batches.ts';
export { PRESETS, type PretrainSettings, presetSettings } from './train/presets.ts';
export { readReference, referenceFile, referenceLogProbabilities } from './train/reference.ts';
export type { Reference, RunData, RunModel } from './train/run_data.ts';
export {
  configOf,
  makeRun,
  planRun,
  type RunParts,
  type RunPlans,
  SAMPLE_TOKENS,
  type TextSizes,
} from './train/run_plans.ts';
export { type SavedWeights, weightsInMemory } from './train/saved_weights.ts';
export { hashOf, loadModel, loadOptimizer, modelFile, optimizerFile } from './train/snapshot.ts';
export { firstLossWarning, spikeText } from './train/spikes.ts';
export type { StepInput, StepResult, TrainerParts, Weights } from './train/step.ts';
export { measuredFlops, stepFlops } from './train/step_time.ts';
export { Trainer } from './train/trainer.ts';
export { type AnyTrainer, type PlannedShapes, planTraining, type TrainingPlans } from './train/training.ts';
export { browserStore } from './tune/browser_store.ts';
export type { Choice, Wrong } from './tune/choose.ts';
export { fastKernels } from './tune/kernel_choice.ts';
export { keepTable, type TableStore } from './tune/store.ts';
export { type StoredTable, tableText } from './tune/stored_table.ts';
export { type TuneOptions, type Tuning, tune } from './tune/tune.ts';
