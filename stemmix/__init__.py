"""stemmix: the dialogue-first mix as code.

The way of the data is in `pipeline`, one function that reads as the block diagram. The foundations, the rooms, which
import them and rooms above them (`tests/test_architecture.py` holds the table), and the modules that go the way:

========================  ===========================================================================================
`units`, `signs`,         dB and linear, seconds and samples; texts that speak to no terminal; the bands everything is
`bands`, `errors`,        told in; the family of errors; how work ends before its time; threads that share a stream's
`stopping`, `crew`        work
`model`                   the documents: project, features, plan, receipt; layouts, profiles, presets
`dsp`                     arrays in, arrays out: spectrum, meters, limiter, dither; what is named `..._kernels` is
                          compiled, by the rules of `compiling`
`files`                   audio in blocks, WAV chunks, encoders, canonical JSON, atomic writing, the feature store
`analysis`                pass 1: one streaming loop per stem, from samples to features
`planning`                from features to a plan: masking, unmasking, decisions; hears no audio
`engine`                  pass 2: strips, mixer, master, what is written
`report`                  what a person sees
`sources`, `alignment`,   a project's stems as files, and in line; pass 1 over all of them; reels as one programme;
`listening`, `reels`,     where a render writes; plans that are remembered, and that were stored; how far all of it
`destinations`,           is; what samples depend on; what is kept between one run and the next
`decided`, `stored`,
`remembered`, `steps`,
`machine`, `keeping`
`preparing`, `pipeline`   as far as the decisions; the whole way
`looking`, `showing`,     as far as the decisions: what is shown of them, over time and to listen to; conflicts and
`excerpts`, `marking`     moves as markers
`rehearsal`               the second process of a first render, that compiles what is needed last
`batch`, `local`,         many projects, each by itself: in processes of this machine, or on a cluster; what a
`cluster`, `resume`       receipt proves done
`create`, `recreate`,     a project from a folder of stems, or of a receipt; where stems stood when they were recorded
`placing`
`verify`, `nulltest`,     whether it is the same mix, whether what was printed adds up, and what changed between two
`compare`                 versions
`commands`, `cli`         the door: no logic
========================  ===========================================================================================
"""

__version__ = "0.1.0"
