"""Score guide melodies on songs that no training has heard: rules, network, real leads and chance.

    python -m models.training.guide.scoring --songs FOLDER --melodies FOLDER [--network guide.onnx]

FOLDER of the songs holds backing tracks, NAME_instrumental.flac or NAME_backing.flac, and where there is one the
real lead, NAME_vocal_lead.flac. The melodies, MIDI files that were held out of the training, tell how real
melodies move. Each backing is cut into windows of 20 s. Scores are means over windows and seeds; intervals are 95 %
by bootstrap over windows. "Shuffled" judges a melody against the window of another song, moved to its key.

The rule by which one ships as the default was written down before the first table. The network wins if
1. its fit to the backing (mean of chord tones on beats, tones in key, consonance with the bass, onset agreement)
   is not lower than that of the rules by more than 0.03, at the lower end of the interval of the difference, and
2. its likeness to real melodies (mean of the divergences of intervals and durations) is better, at the whole
   interval of the difference, and
3. its share of repeated notes, and of jumps of an octave, is not further from the real one by more than 0.05, and
4. it listens: the melody is likelier with its own backing than with another one (nats a step, whole interval).
Else the rules stay the default and the network can be chosen.
"""
