"""Two half moons, learned from spike times: every coordinate is one spike, early for small values."""

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es

rng = np.random.default_rng(1)
angle, label = rng.uniform(0, np.pi, 1000), np.arange(1000) % 2
x = np.where(label, 1 - np.cos(angle), np.cos(angle)) + rng.normal(0, 0.1, 1000)
y = np.where(label, 0.5 - np.sin(angle), np.sin(angle)) + rng.normal(0, 0.1, 1000)
points = np.stack([x, y], axis=1)
low, high = points[:700].min(axis=0), points[:700].max(axis=0)
times = es.models.encoding.latency(np.clip((points - low) / (high - low), 0, 1))

classifier = es.models.SpikingClassifier(hidden=(30,), delays="synaptic", epochs=100)
classifier.fit(times[:700], label[:700])
print(f"unseen samples: {classifier.score(times[700:], label[700:]):.3f} right")
print("outputs of the first of them spike at", classifier.predict_times(times[700:701])[0].round(2))
classifier.save("moons.h5", overwrite=True)

figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
wrong = classifier.predict(times) != label
axis.scatter(x, y, c=label, cmap="cividis", s=8)
axis.scatter(x[wrong], y[wrong], s=40, facecolors="none", edgecolors="black", label=f"{wrong.sum()} wrong")
axis.set(xlabel="x", ylabel="y", aspect="equal")
axis.legend()
plt.show()
